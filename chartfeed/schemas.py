"""`chartfeed schemas`: register the contract, and see beforehand whether a registry takes it."""

from __future__ import annotations

from collections.abc import Iterable

import click

from chartfeed.cli import Context
from deploy.registry import Finding, Registry, State
from schemas import subjects

__all__ = ["schemas"]

WORDS: dict[State, str] = {
    "registered": "is registered",
    "new": "is not there yet",
    "changed": "is there in an older version that ours can follow",
    "incompatible": "can't be followed by ours",
}


@click.group()
def schemas() -> None:
    """Register the schemas of all topics, and see what a registry says to them."""


@schemas.command()
@click.pass_obj
def check(context: Context) -> int:
    """Compare our schemas with the registry's; exit 1 where they differ."""
    findings = _shown(_registry(context).check())
    states = {finding.state for finding in findings}
    if states & {"new", "changed"} and "incompatible" not in states:
        click.echo("  next: chartfeed schemas register", err=True)
    return int(states != {"registered"})


@schemas.command()
@click.pass_obj
def register(context: Context) -> int:
    """Register our schemas, each BACKWARD compatible with the one before; exit 1 if one is not."""
    findings = _shown(_registry(context).register())
    return int(any(finding.state == "incompatible" for finding in findings))


def _registry(context: Context) -> Registry:
    return Registry(context.settings.registry.url, subjects.texts())


def _shown(findings: Iterable[Finding]) -> list[Finding]:
    shown = []
    for finding in findings:
        shown.append(finding)
        if finding.id is not None:
            click.echo(f"{finding.subject}: schema {finding.id}")
        else:
            said = f"{finding.subject}: {WORDS[finding.state]}"
            click.echo(f"{said}: {finding.detail}" if finding.detail else said, err=True)
    return shown

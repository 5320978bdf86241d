"""`chartfeed topics`: create what is declared, and verify it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from chartfeed.cli import Context
from chartfeed.settings import Settings
from deploy.topics import Cluster, Difference
from schemas.errors import Outside
from schemas.topics import ALL, Layout

__all__ = ["cluster", "remedies", "require", "topics"]


def cluster(settings: Settings) -> Cluster:
    kafka = settings.kafka
    layout = Layout(
        partitions=kafka.topics.partitions,
        replication=kafka.topics.replication,
        min_compaction_lag=kafka.topics.min_compaction_lag,
        delete_retention=kafka.topics.delete_retention,
    )
    return Cluster(kafka.client, layout)


def require(settings: Settings) -> None:
    """Stop before anything is written to topics that are not as declared."""
    differences = cluster(settings).verify()
    if differences:
        raise Outside(
            "the topics are not as declared: " + "; ".join(map(str, differences[:3])),
            hint="chartfeed topics create, then chartfeed topics verify",
        )


@click.group()
def topics() -> None:
    """Create the topics, which nobody else does, and verify that they are as declared."""


@topics.command()
@click.pass_obj
def create(context: Context) -> int:
    """Create the topics that are missing, then verify all."""
    owner = cluster(context.settings)
    for name in owner.create():
        click.echo(f"created {name}")
    return _report(owner)


@topics.command()
@click.pass_obj
def verify(context: Context) -> int:
    """Say in what the cluster differs from the declarations; exit 1 if it does."""
    return _report(cluster(context.settings))


def remedies(differences: Sequence[Difference]) -> list[str]:
    """Give, for what `verify` found, what to do about it, line by line."""
    found = []
    if any(difference.what == "the topic" for difference in differences):
        found.append("chartfeed topics create")
    if any(difference.what == "partitions" for difference in differences):
        found.append(
            "set kafka.topics.partitions to what the cluster has; the number can't be "
            "changed later, for it decides where a center's events are"
        )
    settings = [
        at for at in differences if at.what not in {"the topic", "partitions", "replication"}
    ]
    for topic in dict.fromkeys(difference.topic for difference in settings):
        due = ",".join(f"{at.what}={at.due}" for at in settings if at.topic == topic)
        found.append(
            f"kafka-configs.sh --alter --entity-type topics --entity-name {topic}"
            f" --add-config {due} --bootstrap-server …"
        )
    return found


def _report(owner: Cluster) -> int:
    differences = owner.verify()
    for difference in differences:
        click.echo(str(difference), err=True)
    for remedy in remedies(differences):
        click.echo(f"  next: {remedy}", err=True)
    if not differences:
        click.echo(f"{len(ALL)} topics are as declared")
    return int(bool(differences))

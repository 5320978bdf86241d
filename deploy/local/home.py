"""The one folder that a local stack lives in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["default", "downloads"]

_ROOT = Path(__file__).resolve().parents[2]


def _base() -> Path:
    """Return the checkout, or the folder we are called in where chartfeed is installed."""
    return _ROOT if (_ROOT / "pyproject.toml").is_file() else Path.cwd()


def default(environment: Mapping[str, str]) -> Path:
    """Return the stack's home: CHARTFEED_HOME, else `.chartfeed` in the checkout."""
    named = environment.get("CHARTFEED_HOME")
    return Path(named).absolute() if named else _base() / ".chartfeed"


def downloads() -> Path:
    """Return the folder that jars are kept in, shared by all stacks and kept by a reset."""
    return _base() / ".chartfeed" / "java"

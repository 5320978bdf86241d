"""The versions that the overrides here were written for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from schemas.errors import Outside

__all__ = ["PINNED", "check"]

PINNED: Final[Mapping[str, str]] = {"aiokafka": "0.14.0", "faust-streaming": "0.15.3"}


def check(installed: Callable[[str], str] = version) -> None:
    """Raise Outside where another version is installed than the overrides were tested with."""
    for name, due in PINNED.items():
        try:
            found = installed(name)
        except PackageNotFoundError:
            found = "missing"
        if found != due:
            raise Outside(
                f"{name} is {found}; the stream was made for {due} and overrides parts of it",
                hint=f"pip install {name}=={due}",
                package=name,
            )

"""Tokens that a file holds, for those that show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chartfeed.password import Secret
from schemas.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["token_in"]


def token_in(path: Path, asked_by: str, fewest: int) -> Secret:
    """Give the token that a file holds, or refuse one that can't be read or is soon guessed.

    `asked_by` is the option or the key of the configuration that names the file; `fewest` is how
    many characters a token has at least.
    """
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{asked_by}: {path} can't be read: {type(error).__name__}",
            hint=f"openssl rand -hex 32 > {path}",
        ) from error
    if len(text) < fewest:
        raise BadInput(
            f"{asked_by}: {path} has fewer than {fewest} characters",
            hint=f"openssl rand -hex 32 > {path}",
        )
    return Secret(text)

"""What a reader asks of a day, from a form or an address; and the address that says it.

An address ends up in logs and histories, so it never holds what is about a person: a patient's id
and a searched text travel in forms only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from chartfeed.console.days.view import SORTS, Wanted
from chartfeed.console.numbers import whole

__all__ = ["address", "asked_by_address", "asked_by_form", "sorting"]

LONGEST: Final = 200
OPEN: Final = ("center", "status", "insurance", "code")
PERSONAL: Final = ("patient", "text")
DESCENDING: Final = "-"


def asked_by_address(query: Mapping[str, str]) -> Wanted:
    """Read what an address may say; anything else in it is nothing."""
    return _wanted(query, OPEN)


def asked_by_form(form: Mapping[str, str]) -> Wanted:
    """Read a form; `resort` and `page` are the buttons that were pressed, if any."""
    wanted = {**form, "sort": form.get("resort") or form.get("sort", "")}
    return _wanted(wanted, (*OPEN, *PERSONAL))


def address(wanted: Wanted) -> str:
    """Give the query of an address, with a leading question mark where there is one."""
    said = {name: getattr(wanted, name) for name in OPEN}
    said["sort"] = sorting(wanted)
    if wanted.number > 1:
        said["page"] = str(wanted.number)
    query = urlencode({name: value for name, value in said.items() if value})
    return f"?{query}" if query else ""


def sorting(wanted: Wanted) -> str:
    """Give the sorting as one word: `patient`, or `-patient` for downwards."""
    return f"{DESCENDING if wanted.descending else ''}{wanted.sort}" if wanted.sort else ""


def _wanted(given: Mapping[str, str], names: tuple[str, ...]) -> Wanted:
    sort = given.get("sort", "")
    name = sort.removeprefix(DESCENDING)
    known = name in SORTS
    return Wanted(
        **{one: _text(given.get(one, "")) for one in names},
        sort=name if known else "",
        descending=known and sort.startswith(DESCENDING),
        number=whole(given.get("page", ""), otherwise=1),
    )


def _text(value: object) -> str:
    return value.strip()[:LONGEST] if isinstance(value, str) else ""

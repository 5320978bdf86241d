"""Any record of the schemas."""

from __future__ import annotations

import types
from datetime import UTC, date, datetime
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

__all__ = ["any_"]

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    datetime: st.datetimes(timezones=st.just(UTC)),
    date: st.dates(),
    # The smallest integer of any field; longs have a test of their own.
    int: st.integers(-(2**31), 2**31 - 1) | st.integers(0, 9),
    str: TEXTS,
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    type(None): st.none(),
}


def any_(hint: Any) -> st.SearchStrategy[Any]:
    """Give any value of a field's type."""
    if get_origin(hint) is types.UnionType:
        return st.one_of([any_(part) for part in get_args(hint)])
    if get_origin(hint) is tuple:
        return st.lists(any_(get_args(hint)[0]), max_size=4).map(tuple)
    if get_origin(hint) is dict:
        return st.dictionaries(TEXTS, TEXTS, max_size=3)
    if hint in SIMPLE:
        return SIMPLE[hint]
    hints = get_type_hints(hint)
    return st.builds(hint, **{name: any_(part) for name, part in hints.items()})

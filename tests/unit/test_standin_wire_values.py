"""Values and types on the wire: what goes out comes back, whatever is sent."""
# ruff: noqa: DTZ001 - most of SQL Server's types have no zone

from contextlib import suppress
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.sqlserver import types
from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.parameters import calls
from deploy.local.sqlserver.results import Parameter, SqlType
from deploy.local.sqlserver.rows import encoder, null_value, value_encoder
from deploy.local.sqlserver.wire import Malformed

HEADERS = b"\x16\0\0\0\x12\0\0\0\x02\0" + b"\0" * 8 + b"\x01\0\0\0"
INT = SqlType("int")


def as_sent(kind: SqlType, value: object) -> Parameter:
    """Return the parameter as the stand-in reads it after it travelled."""
    form = types.canonical(kind)
    data = null_value(form) if value is None else value_encoder(kind)(value)
    call = b"\xff\xff\x0c\0\0\0" + b"\x02@\0p\0\0" + types.type_info(form) + data
    (parameter,) = calls(HEADERS + call)[0].parameters
    return parameter


VALUES: list[tuple[SqlType, object]] = [
    (INT, -(2**31)),
    (SqlType("tinyint"), 255),
    (SqlType("smallint"), -32768),
    (SqlType("bigint"), 2**63 - 1),
    (SqlType("bit"), 1),
    (SqlType("real"), 1.5),
    (SqlType("float"), -2.25e300),
    (SqlType("money"), Decimal("-922337203685477.5808")),
    (SqlType("smallmoney"), Decimal("214748.3647")),
    (
        SqlType("decimal", precision=38, scale=10),
        Decimal("-9999999999999999999999999999.9999999999"),
    ),
    (SqlType("decimal", precision=9, scale=9), Decimal("0.000000001")),
    (SqlType("numeric", precision=19, scale=0), Decimal(10**18)),
    (SqlType("char", 3), "ab "),
    (SqlType("varchar", 20), "Füllung €"),
    (SqlType("varchar", -1), "ß" * 9000),
    (SqlType("nchar", 2), "Жä"),
    (SqlType("nvarchar", 20), "😀 \ud800"),
    (SqlType("nvarchar", -1), ""),
    (SqlType("binary", 2), b"\0\xff"),
    (SqlType("varbinary", 20), b""),
    (SqlType("varbinary", -1), b"\0" * 70_000),
    (SqlType("date"), date(1, 1, 1)),
    (SqlType("date"), date(9999, 12, 31)),
    (SqlType("time", scale=0), time(23, 59, 59)),
    (SqlType("time", scale=7), time(23, 59, 59, 999_999)),
    (SqlType("datetime2", scale=3), datetime(2022, 1, 18, 12, 30, 15, 123_000)),
    (SqlType("datetime2", scale=7), datetime(9999, 12, 31, 23, 59, 59, 999_999)),
    (SqlType("datetime"), datetime(1753, 1, 1)),
    (SqlType("datetime"), datetime(2022, 1, 18, 23, 59, 59, 997_000)),
    (SqlType("smalldatetime"), datetime(2079, 6, 6, 23, 59)),
    (
        SqlType("datetimeoffset", scale=7),
        datetime(2022, 1, 18, 0, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    ),
    (SqlType("uniqueidentifier"), UUID("01234567-89ab-cdef-0123-456789abcdef")),
]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=lambda part: getattr(part, "name", ""))
def test_a_value_comes_back_as_it_was_sent(kind: SqlType, value: object) -> None:
    assert value == as_sent(kind, value).value


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in VALUES}, key=repr), ids=repr)
def test_null_comes_back_as_null_and_the_type_as_itself(kind: SqlType) -> None:
    parameter = as_sent(kind, None)

    assert parameter.value is None
    assert kind.name.replace("numeric", "decimal") == parameter.type.name
    assert (kind.length, kind.scale) == (parameter.type.length, parameter.type.scale)


@given(st.text())
def test_any_text_survives_as_nvarchar(text: str) -> None:
    assert text == as_sent(SqlType("nvarchar", -1), text).value


@given(st.binary())
def test_every_byte_is_a_character_of_code_page_1252(data: bytes) -> None:
    assert data == types.encode_1252(types.decode_1252(data))


def test_what_code_page_1252_lacks_becomes_a_question_mark() -> None:
    assert b"\x80 ?" == types.encode_1252("€ Ж")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9)))
def test_any_amount_survives_as_decimal(value: Decimal) -> None:
    if abs(value) < 10**30:
        assert value == as_sent(SqlType("decimal", precision=38, scale=4), value).value


def test_a_row_without_null_is_a_row_and_one_with_null_tells_which() -> None:
    encode = encoder((INT, SqlType("nvarchar", 10), INT))

    assert encode([(1, "ä", 2)]) == b"\xd1\x04\x01\0\0\0\x02\0\xe4\0\x04\x02\0\0\0"
    assert encode([(1, None, None)]) == b"\xd2\x06\x04\x01\0\0\0"


def test_a_value_longer_than_its_column_is_an_error_not_a_broken_row() -> None:
    with pytest.raises(SqlError, match="more than 4 bytes"):
        encoder((SqlType("nvarchar", 2),))([("abc",)])


def test_a_message_may_hold_several_calls() -> None:
    first = b"\xff\xff\x0c\0\0\0" + b"\0\0\x26\x04\x04\x07\0\0\0"

    found = calls(HEADERS + first + b"\xff" + first)

    assert [("sp_execute", 7)] * 2 == [(c.procedure, c.parameters[0].value) for c in found]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("int", INT),
        ("[INT]", INT),
        ("integer", INT),
        ("nvarchar(max)", SqlType("nvarchar", -1)),
        ("varchar ( 20 )", SqlType("varchar", 20)),
        ("decimal(10, 2)", SqlType("decimal", precision=10, scale=2)),
        ("numeric(7)", SqlType("numeric", precision=7, scale=0)),
        ("decimal", SqlType("decimal", precision=18, scale=0)),
        ("datetime2", SqlType("datetime2", scale=7)),
        ("float(24)", SqlType("real")),
        ("sysname", SqlType("nvarchar", 128)),
    ],
)
def test_a_declared_type_is_read(text: str, kind: SqlType) -> None:
    assert kind == types.parse(text)


@pytest.mark.parametrize("text", ["geometry", "int)", "varchar(many)", ""])
def test_a_type_nobody_knows_is_named_in_the_error(text: str) -> None:
    with pytest.raises(Unsupported):
        types.parse(text)


def test_declarations_are_read_with_their_commas_and_outputs() -> None:
    declared = types.parameters_declared("@P1 decimal(10,2),@n nvarchar(4000) = N'a,b' OUTPUT")

    assert declared == (
        Parameter("@P1", SqlType("decimal", precision=10, scale=2)),
        Parameter("@n", SqlType("nvarchar", 4000), output=True),
    )


WELL_FORMED = (
    HEADERS + b"\xff\xff\x0a\0\0\0" + b"\0\0\xe7\x08\0" + types.COLLATION + b"\x04\0a\0b\0"
)


@given(st.binary(max_size=300))
def test_whatever_is_sent_as_a_call_is_read_or_malformed(data: bytes) -> None:
    for message in (data, HEADERS + data, HEADERS + b"\xff\xff\x0a\0\0\0\0\0" + data):
        with suppress(Malformed, SqlError):
            calls(message)


@given(st.integers(0, len(WELL_FORMED) - 1), st.integers(0, 255))
def test_a_call_with_one_byte_changed_is_read_or_malformed(place: int, byte: int) -> None:
    message = bytearray(WELL_FORMED)
    message[place] = byte
    with suppress(Malformed, SqlError):
        calls(bytes(message))

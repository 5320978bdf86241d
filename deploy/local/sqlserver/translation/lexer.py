"""T-SQL text cut into tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from deploy.local.sqlserver.errors import SqlError


class Kind(Enum):
    NAME = auto()
    QUOTED = auto()
    STRING = auto()
    NATIONAL = auto()
    NUMBER = auto()
    BINARY = auto()
    VARIABLE = auto()
    SYSTEM = auto()
    OPERATOR = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `word` is its upper-case text, empty for literals and quoted names."""

    kind: Kind
    text: str
    word: str
    start: int
    stop: int


_TOKEN = re.compile(
    r"""
      (?P<space>[\s\ufeff]+|--[^\n]*)
    | (?P<comment>/\*)
    | (?P<national>[Nn]'(?:[^']|'')*')
    | (?P<string>'(?:[^']|'')*')
    | (?P<binary>0[xX][0-9A-Fa-f]*)
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<bracket>\[(?:[^\]]|\]\])*\])
    | (?P<double>"(?:[^"]|"")*")
    | (?P<system>@@[\w$#@]+)
    | (?P<variable>@[\w$#@]*)
    | (?P<name>[^\W\d][\w$#@]*|\#{1,2}[\w$#@]+|\$(?:action|identity|rowguid)\b)
    | (?P<operator><>|<=|>=|!=|!<|!>|\+=|-=|\*=|/=|%=|::|[-+*/%&|^~=<>(),.;?{}:])
    """,
    re.VERBOSE,
)

_NESTED = re.compile(r"/\*|\*/")


def _comment_end(sql: str, start: int) -> int:
    depth = 1
    position = start + 2
    while depth:
        found = _NESTED.search(sql, position)
        if found is None:
            raise SqlError(113, "Missing end comment mark '*/'.", severity=15)
        depth += 1 if found.group() == "/*" else -1
        position = found.end()
    return position


def _token(group: str, text: str, start: int, stop: int) -> Token:  # noqa: PLR0911 - one per kind
    match group:
        case "national":
            return Token(Kind.NATIONAL, text[2:-1].replace("''", "'"), "", start, stop)
        case "string":
            return Token(Kind.STRING, text[1:-1].replace("''", "'"), "", start, stop)
        case "bracket":
            return Token(Kind.QUOTED, text[1:-1].replace("]]", "]"), "", start, stop)
        case "double":
            return Token(Kind.QUOTED, text[1:-1].replace('""', '"'), "", start, stop)
        case "binary":
            return Token(Kind.BINARY, text, "", start, stop)
        case "number":
            return Token(Kind.NUMBER, text, "", start, stop)
        case "system":
            return Token(Kind.SYSTEM, text.upper(), "", start, stop)
        case "variable":
            return Token(Kind.VARIABLE, text.lower(), "", start, stop)
        case "name":
            return Token(Kind.NAME, text, text.upper(), start, stop)
        case _:
            return Token(Kind.OPERATOR, text, text, start, stop)


def tokens(sql: str) -> list[Token]:
    """All tokens of a batch, an END last."""
    found: list[Token] = []
    position = 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        if match is None:
            if sql[position] in "'\"[":
                raise SqlError(
                    105,
                    "Unclosed quotation mark after the character string "
                    f"'{sql[position + 1 : position + 101]}'.",
                    severity=15,
                )
            raise SqlError(102, f"Incorrect syntax near '{sql[position]}'.", severity=15)
        group = str(match.lastgroup)
        if group == "comment":
            position = _comment_end(sql, position)
            continue
        if group != "space":
            found.append(_token(group, match.group(), match.start(), match.end()))
        position = match.end()
    found.append(Token(Kind.END, "", "", len(sql), len(sql)))
    return found


RESERVED = frozenset(
    """ADD ALL ALTER AND ANY AS ASC AUTHORIZATION BACKUP BEGIN BETWEEN BREAK BROWSE BULK BY CASCADE
    CASE CHECK CHECKPOINT CLOSE CLUSTERED COALESCE COLLATE COLUMN COMMIT COMPUTE CONSTRAINT CONTAINS
    CONTAINSTABLE CONTINUE CONVERT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP
    CURRENT_USER CURSOR DATABASE DBCC DEALLOCATE DECLARE DEFAULT DELETE DENY DESC DISK DISTINCT
    DISTRIBUTED DOUBLE DROP DUMP ELSE END ERRLVL ESCAPE EXCEPT EXEC EXECUTE EXISTS EXIT EXTERNAL
    FETCH FILE FILLFACTOR FOR FOREIGN FREETEXT FREETEXTTABLE FROM FULL FUNCTION GOTO GRANT GROUP
    HAVING HOLDLOCK IDENTITY IDENTITY_INSERT IDENTITYCOL IF IN INDEX INNER INSERT INTERSECT INTO IS
    JOIN KEY KILL LEFT LIKE LINENO LOAD MERGE NATIONAL NOCHECK NONCLUSTERED NOT NULL NULLIF OF OFF
    OFFSETS ON OPEN OPENDATASOURCE OPENQUERY OPENROWSET OPENXML OPTION OR ORDER OUTER OVER PERCENT
    PIVOT PLAN PRIMARY PRINT PROC PROCEDURE PUBLIC RAISERROR READ READTEXT RECONFIGURE
    REFERENCES REPLICATION RESTORE RESTRICT RETURN REVERT REVOKE RIGHT ROLLBACK ROWCOUNT ROWGUIDCOL
    RULE SAVE SCHEMA SECURITYAUDIT SELECT SEMANTICKEYPHRASETABLE SESSION_USER SET SETUSER SHUTDOWN
    SOME STATISTICS SYSTEM_USER TABLE TABLESAMPLE TEXTSIZE THEN TO TOP TRAN TRANSACTION TRIGGER
    TRUNCATE TRY_CONVERT TSEQUAL UNION UNIQUE UNPIVOT UPDATE UPDATETEXT USE USER VALUES VARYING VIEW
    WAITFOR WHEN WHERE WHILE WITH WITHIN WRITETEXT""".split()  # noqa: SIM905 - a list as documents print it
)

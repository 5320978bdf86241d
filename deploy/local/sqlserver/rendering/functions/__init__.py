"""Scalar functions of T-SQL rendered, each with the type SQL Server gives it.

Read `arguments`, which all of them begin with, then the functions by what they are about: `text`,
`numbers`, `dates`, `binary`, `choices`. `system` lists what is asked of the session, `missing` what
SQL Server has and the stand-in has not.
"""

from collections.abc import Mapping

from deploy.local.sqlserver.rendering.functions import binary, choices, dates, numbers, text
from deploy.local.sqlserver.rendering.functions.arguments import Function

FUNCTIONS: Mapping[str, Function] = {
    **text.FUNCTIONS,
    **numbers.FUNCTIONS,
    **dates.FUNCTIONS,
    **binary.FUNCTIONS,
    **choices.FUNCTIONS,
}

__all__ = ["FUNCTIONS"]

"""Values as they are kept, converted from one SQL Server type to another.

Kept are: whole numbers and bit as int, decimal and money as canonical text, float and real as
float, text as str, binary as bytes, dates and times as temporal.py says, uniqueidentifier as
upper-case text.

Read `limits` (what fits), the targets (`numbers`, `text`, `binary`, `moments`), then `converter`.
"""

from deploy.local.sqlserver.conversions.converter import converter
from deploy.local.sqlserver.conversions.limits import CONTEXT, Convert, Place, overflow, units

__all__ = [
    "CONTEXT",
    "Convert",
    "Place",
    "converter",
    "overflow",
    "units",
]

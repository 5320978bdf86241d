"""The insurance status: from an insurer's ART to GKV, PKV or Selbstzahler."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from schemas.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DEFAULT", "Status", "StatusTable", "cleaned"]


class Status(StrEnum):
    """How a patient is insured, in the words of the unified rows."""

    GKV = "GKV"
    PKV = "PKV"
    SELBSTZAHLER = "Selbstzahler"


def cleaned(kind: str | None) -> str:
    """Give an ART as the table has it: trimmed and upper-cased, '' for NULL."""
    return "" if kind is None else kind.strip().upper()


# Neither statutory nor private; that their patients count as self-payers is as it should be.
SPECIAL_PAYERS: Final = frozenset("BCD")


@dataclass(frozen=True, slots=True)
class StatusTable:
    """Which ART means which status; what it does not name is a self-payer's."""

    statuses: Mapping[str, Status] = field(repr=False)

    @classmethod
    def of(cls, configured: Mapping[str, str]) -> StatusTable:
        """Build the table from the configuration, or say which status does not exist."""
        statuses: dict[str, Status] = {}
        for kind, status in configured.items():
            try:
                statuses[cleaned(kind)] = Status(status)
            except ValueError:
                raise BadInput(
                    f"insurance_status gives {kind!r} the status {status!r}, which does not exist",
                    hint=f"use one of {', '.join(Status)}",
                ) from None
        return cls(statuses)

    def status(self, kind: str | None) -> Status:
        """Give the status of an insurer with this ART."""
        return self.statuses.get(cleaned(kind), Status.SELBSTZAHLER)

    def unknown(self, kinds: Iterable[str | None]) -> Counter[str]:
        """Count the values, NULL aside, that the table does not name, for an operator to see."""
        found = Counter(cleaned(kind) for kind in kinds if kind is not None)
        return Counter({kind: n for kind, n in found.items() if kind not in self.statuses})

    def strange(self, kinds: Iterable[str | None]) -> Counter[str]:
        """Count those of the unknown values that somebody has to look at."""
        found = self.unknown(kinds)
        return Counter({kind: n for kind, n in found.items() if kind not in SPECIAL_PAYERS})

    def described(self) -> dict[str, str]:
        """Give the table in a fixed order, for fingerprints and for people."""
        return {kind: str(self.statuses[kind]) for kind in sorted(self.statuses)}


DEFAULT = StatusTable.of(
    {"P": "PKV", "PKV": "PKV", "G": "GKV", "GKV": "GKV"} | {str(n): "GKV" for n in range(1, 10)}
)

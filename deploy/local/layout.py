"""What a stack remembers about itself: its services' ports, and which of them should run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from deploy.local import ports
from deploy.local.service import Service
from producers import files
from schemas.errors import BadInput, Failed

__all__ = ["FORMAT", "Layout"]

FORMAT: Final = 1
"""Of the file, and with it of the whole home; one without a format is of the first."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Ports by service, which are kept from start to start, and the services that were started."""

    ports: Mapping[str, Mapping[str, int]]
    started: frozenset[str]

    @classmethod
    def load(cls, path: Path) -> Layout:
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            given = int(found.get("format", 1))
            if given > FORMAT:
                raise BadInput(
                    f"{path.parent} was made by a newer chartfeed (format {given}, known is "
                    f"{FORMAT})",
                    hint="update chartfeed, or make a home anew: chartfeed local --home FOLDER up",
                )
            return cls(found["ports"], frozenset(found["started"]))
        except FileNotFoundError:
            return cls({}, frozenset())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(
                f"{path} is damaged: {error!r}",
                hint=f"remove {path}, then: chartfeed local down; ports are chosen anew",
            ) from error

    def save(self, path: Path) -> None:
        document = {"format": FORMAT, "ports": self.ports, "started": sorted(self.started)}
        files.replace(path, json.dumps(document, indent=1) + "\n")

    def with_started(self, names: Sequence[str]) -> Layout:
        return replace(self, started=self.started | set(names))

    def with_stopped(self, names: Sequence[str]) -> Layout:
        return replace(self, started=self.started - set(names))

    def without(self, names: Sequence[str]) -> Layout:
        kept = {name: given for name, given in self.ports.items() if name not in names}
        return Layout(kept, self.started - set(names))

    def with_ports_for(
        self,
        services: Sequence[Service],
        wanted: Mapping[str, Mapping[str, int]],
        *,
        usual: bool = True,
    ) -> Layout:
        """Give every port of these services a number: the wanted, the known, or a free one.

        Of the free ones it is the `usual` one, or any, which a stack that goes soon would take
        from one that stays.
        """
        found = {name: dict(given) for name, given in self.ports.items()}
        for service in services:
            given = found.setdefault(service.name, {})
            given |= wanted.get(service.name, {})
            others = {
                number
                for name, numbers in found.items()
                for kind, number in numbers.items()
                if name != service.name or kind not in given
            }
            if len(set(given.values())) < len(given) or others & set(given.values()):
                raise BadInput(
                    f"{service.name} was given a port that is spoken for: {given}",
                    hint="give each port a number of its own",
                )
            for kind, preferred in service.ports.items():
                if kind not in given:
                    given[kind] = ports.choose(
                        preferred if usual else None, others | set(given.values())
                    )
                elif not ports.is_free(given[kind]):
                    raise Failed(
                        f"{service.name} can't listen on port {given[kind]}: "
                        f"{ports.holder(given[kind])} has it",
                        hint=f"stop it, or: chartfeed local up --port {service.name}=NUMBER",
                        service=service.name,
                        port=given[kind],
                    )
        return replace(self, ports=found)

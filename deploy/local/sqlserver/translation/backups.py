"""Parsing of BACKUP, RESTORE and KILL."""

from __future__ import annotations

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.translation import statements
from deploy.local.sqlserver.translation.databases import DatabaseParser
from deploy.local.sqlserver.translation.statements import Statement


class BackupParser(DatabaseParser):
    def backup(self) -> Statement:
        self.expect("BACKUP")
        if not self.accept("DATABASE"):
            raise Unsupported(f"BACKUP {self.token.text}")
        database = self.name()
        self.expect("TO", "DISK", "=")
        path = self._unit()
        self._media_options()
        return statements.Backup(database, path)

    def restore(self) -> Statement:
        self.expect("RESTORE")
        if not self.accept("DATABASE"):
            raise Unsupported(f"RESTORE {self.token.text}")
        database = self.name()
        self.expect("FROM", "DISK", "=")
        path = self._unit()
        return statements.Restore(database, path, "REPLACE" in self._media_options())

    def _media_options(self) -> set[str]:
        found: set[str] = set()
        if self.accept("WITH"):
            while True:
                option = self.word()
                if option in ("NORECOVERY", "STANDBY", "MOVE", "DIFFERENTIAL"):
                    raise Unsupported(f"the option {option} of BACKUP and RESTORE")
                found.add(option)
                if self.accept("="):
                    self.advance()
                if not self.accept(","):
                    break
        return found

    def kill(self) -> Statement:
        self.expect("KILL")
        return statements.Kill(self.number())

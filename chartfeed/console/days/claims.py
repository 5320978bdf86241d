"""Through when the days are complete as is known now, not only as their manifests had it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from stream_app.sink.completeness import Claims, KnownCenter
from stream_app.sink.watcher import Watcher

if TYPE_CHECKING:
    from chartfeed.settings import Settings
    from stream_app.files.manifest import CenterLine, Manifest

__all__ = ["Claimed"]

FIRST_SECONDS: Final = 2.0


class Claimed:
    """Follows what the join has applied, from the first question on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watcher: Watcher | None = None
        self._lock = threading.Lock()

    @property
    def trouble(self) -> str | None:
        """Say why lines are as the manifests have them, None while all is well."""
        return self._following().trouble

    def lines(self, manifest: Manifest, shown: int) -> tuple[CenterLine, ...]:
        """Give a manifest's lines, brought up to now where that is known.

        `shown` says how much of the day's partition the files of any day show.
        """
        watcher = self._following()
        return watcher.renewed(manifest, shown) if watcher.loaded.is_set() else manifest.centers

    def close(self) -> None:
        with self._lock:
            if self._watcher is not None:
                self._watcher.close()

    def _following(self) -> Watcher:
        with self._lock:
            if self._watcher is None:
                settings = self._settings
                self._watcher = Watcher(
                    settings.kafka.client,
                    settings.kafka.topics.partitions,
                    Claims(KnownCenter(one.id, one.name, one.enabled) for one in settings.centers),
                    settings.registry.client().schema,
                )
                self._watcher.start()
                # The first reader waits, rather than to see what is about to change.
                self._watcher.wait_loaded(FIRST_SECONDS)
            return self._watcher

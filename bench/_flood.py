"""Many readers of the console at once: so many requests a second, whatever the answers take.

python bench/_flood.py ADDRESS COOKIE RATE SECONDS PATH…

Prints one line of JSON: the answers by status, and their seconds. It stands for other machines,
so it steps back where the processor is short.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import sys
import threading
from collections import Counter
from time import monotonic, sleep
from typing import Final
from urllib.parse import urlsplit

CLIENTS: Final = 32


class Flood:
    def __init__(self, address: str, cookie: str, rate: float, seconds: float) -> None:
        self._place = urlsplit(address).netloc
        self._headers = {"Cookie": cookie}
        self._rate, self._seconds = rate, seconds
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self.statuses: Counter[str] = Counter()
        self.took: list[float] = []

    def run(self, paths: list[str]) -> None:
        began = monotonic()
        threads = [threading.Thread(target=self._ask, args=(paths, began)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _ask(self, paths: list[str], began: float) -> None:
        connection = http.client.HTTPConnection(self._place, timeout=10)
        while True:
            number = next(self._numbers)
            due = number / self._rate
            if due > self._seconds:
                connection.close()
                return
            sleep(max(0.0, began + due - monotonic()))
            asked = monotonic()
            try:
                connection.request("GET", paths[number % len(paths)], headers=self._headers)
                answer = connection.getresponse()
                answer.read()
                status = str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                status = type(error).__name__
            with self._lock:
                self.statuses[status] += 1
                self.took.append(monotonic() - asked)


def main() -> None:
    address, cookie, rate, seconds, *paths = sys.argv[1:]
    os.nice(10)
    flood = Flood(address, cookie, float(rate), float(seconds))
    flood.run(paths)
    print(json.dumps({"statuses": flood.statuses, "took": sorted(flood.took)}))


if __name__ == "__main__":
    main()

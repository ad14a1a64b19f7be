"""One who asks one copy of the service without a pause, and remembers who answered when."""

import threading
import time
from dataclasses import dataclass
from itertools import count

import httpx

from tests.toy import draw

# far from what other consumers send
_FIRST_PICTURE = 10_000_000


@dataclass(frozen=True)
class Probe:
    """One answer: seconds of the monotonic clock, and whether a model could have given it."""

    began: float
    ended: float
    by_model: bool


class Prober(threading.Thread):
    """Asks until `over`; what could not be answered leaves no trace."""

    def __init__(self, port: int, key: str, over: threading.Event) -> None:
        super().__init__(name=f"prober-{port}", daemon=True)
        self._port, self._key, self._over = port, key, over
        self._told: list[Probe] = []

    def run(self) -> None:
        """Ask with one picture after the other."""
        headers, base = {"Authorization": f"Bearer {self._key}"}, f"http://127.0.0.1:{self._port}"
        with httpx.Client(base_url=base, headers=headers, timeout=30) as client:
            for number in count(_FIRST_PICTURE * self._port):
                if self._over.is_set():
                    return
                began = time.monotonic()
                try:
                    files = {"image": ("picture.png", draw(number % 2, number))}
                    answer = client.post("/v1/predictions", files=files)
                except httpx.TransportError:
                    continue
                if answer.status_code == 200:
                    told = answer.json()
                    by_model = told["stage"] != "manual" or told["status"] != "pending"
                    self._told.append(Probe(began, time.monotonic(), by_model))

    def of_models(self) -> list[Probe]:
        """Answers that a model gave, or could have given, in their order."""
        return [one for one in list(self._told) if one.by_model]

    def of_people(self) -> list[Probe]:
        """Those that no model gave."""
        return [one for one in list(self._told) if not one.by_model]

    def relapses(self) -> int:
        """Answers of models asked for after one that no model gave."""
        people = self.of_people()
        return sum(one.began > people[0].ended for one in self.of_models()) if people else 0

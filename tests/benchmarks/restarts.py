"""Restarts behind a proxy without a lost request: `make bench-restarts`.

Order: two services on one database, a real nginx before them with kept connections and no second try of a picture that
was handed over, clients that send all the time; then one service after the other is told to end by SIGTERM and started
again. Every request must be answered with 200, once, and be in the database.
"""

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from store import predictions
from tests.benchmarks.overload import floors, pictures, prepared
from tests.benchmarks.swaps import sending
from tests.benchmarks.swaps_rows import Rows
from tests.journeys.programs import Programs
from tests.journeys.proxy import free_ports, nginx

DRAIN_SECONDS = 1.0
# kept connections to the services, bodies read first, and no second try of what was handed over: a picture that was
# sent twice would be kept twice
_BEFORE = """
upstream ursa {{
    least_conn;
    server 127.0.0.1:{first} max_fails=0;
    server 127.0.0.1:{second} max_fails=0;
    keepalive 32;
}}
server {{
    listen 127.0.0.1:{port};
    client_max_body_size 21m;
    location / {{
        proxy_pass http://ursa;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_next_upstream error timeout;
    }}
}}
"""


@dataclass(frozen=True)
class Restarted:
    """What came of it; `slowest_stop` is from SIGTERM to the end of the process, in seconds."""

    restarts: int
    answers: int
    lost: int
    doubled: int
    statuses: dict[int, int]
    slowest_stop: float
    exit_codes: dict[int, int]


def main() -> None:
    """Measure, print a table, then one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        done = restart(Path(name), given.restarts, pictures(None), show=True)
    for what, value in vars(done).items():
        print(f"{what}: {value}")
    print(json.dumps(vars(done)))


def restart(
    folder: Path, restarts: int, files: Sequence[bytes], *, show: bool = False
) -> Restarted:
    """Restart two services in turn while three clients send."""
    with prepared(folder, files, URSA_DRAIN_SECONDS=str(DRAIN_SECONDS)) as ready:
        first, rows = ready.running, Rows(ready)
        if show:
            floors(first, folder)
        second = Programs(folder, first.database_url, first.settings)
        # everything but the port is one system's
        second.environ = {**first.environ, "URSA_PORT": str(second.port)}
        try:
            second.start("service")
            stops, codes, (port,) = list[float](), Counter[int](), free_ports(1)
            inside = _BEFORE.format(port=port, first=first.port, second=second.port)
            with (
                nginx(folder / "nginx", port, inside),
                sending(port, rows.key(), files, clients=3) as told,
            ):
                for turn in range(restarts):
                    one = (first, second)[turn % 2]
                    began = monotonic()
                    codes[one.stop("service")] += 1
                    stops.append(monotonic() - began)
                    one.start("service")
        finally:
            if "service" in second.running:
                second.stop("service")
        with rows.database.read() as session:
            kept = predictions.count(session)
        rows.database.dispose()
    statuses = Counter(one.status for one in told)
    return Restarted(
        restarts,
        len(told),
        len(told) - statuses[200],
        kept - statuses[200],
        dict(statuses),
        round(max(stops), 2),
        dict(codes),
    )


if __name__ == "__main__":
    main()

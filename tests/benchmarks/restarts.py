"""Restarts behind a proxy without a lost request: `make bench-restarts`.

Order: three services with their settings as they come on one database, a real nginx before them with the configuration
that `deploy/` holds, clients that send all the time; then one service after the other is told to end by SIGTERM and
started again. Every request must be answered with 200, once, and be in the database. Prints a table, then one JSON
object; exit code 1 when a request was lost or doubled, or a service ended otherwise than well.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from time import monotonic

from sqlalchemy import select

from store.tables import Prediction
from tests.benchmarks.bars import Bar, ending
from tests.benchmarks.floors import floors
from tests.benchmarks.swaps import sending
from tests.benchmarks.swaps_rows import Rows
from tests.benchmarks.under_load import pictures, prepared
from tests.journeys.copies import before
from tests.journeys.programs import Programs
from tests.journeys.proxy import free_ports, nginx

SERVICES = 3
BARS = [
    Bar("answers", 1, at_least=True),
    *(Bar(name) for name in ("lost", "doubled", "ended_badly")),
]


@dataclass(frozen=True)
class Restarted:
    """What came of it; `slowest_stop` is from SIGTERM to the end of the process, in seconds; `floors` as they were told."""

    restarts: int
    answers: int
    lost: int
    doubled: int
    statuses: dict[int, int]
    slowest_stop: float
    exit_codes: dict[int, int]
    floors: dict[str, float]


def main() -> None:
    """Measure, print a table, then one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=20)
    given = parser.parse_args()
    with ending(*(one.name for one in fields(Restarted))) as end:
        with tempfile.TemporaryDirectory() as name:
            done = restart(Path(name), given.restarts, pictures(None), show=True)
        for what, value in vars(done).items():
            print(f"{what}: {value}")
        end.figures |= vars(done)
        end.figures["ended_badly"] = given.restarts - done.exit_codes.get(0, 0)
        end.held_against([Bar("restarts", given.restarts, at_least=True), *BARS], end.figures)


def restart(
    folder: Path, restarts: int, files: Sequence[bytes], *, show: bool = False
) -> Restarted:
    """Restart three services in turn while three clients send."""
    with prepared(folder, files) as ready, ExitStack() as ending:
        first, rows = ready.running, Rows(ready)
        floor = floors(folder, first.port) if show else {}
        services = [first, *(_another(first, ending) for _ in range(SERVICES - 1))]
        stops, codes, (port,) = list[float](), Counter[int](), free_ports(1)
        with (
            nginx(folder / "nginx", port, before([one.port for one in services], port)),
            sending(port, rows.key(), files, clients=3) as told,
        ):
            for turn in range(restarts):
                one = services[turn % SERVICES]
                began = monotonic()
                codes[one.stop("service")] += 1
                stops.append(monotonic() - began)
                one.start("service")
        with rows.database.read() as session:
            kept = Counter(session.scalars(select(Prediction.id)))
        rows.database.dispose()
    statuses = Counter(one.status for one in told)
    answered = Counter(one.answer["id"] for one in told if one.status == 200)
    return Restarted(
        restarts,
        len(told),
        # not answered, or answered and not kept
        len(told) - statuses[200] + len(answered.keys() - kept.keys()),
        # kept and told to nobody, or told to two
        len(kept.keys() - answered.keys()) + sum(times - 1 for times in answered.values()),
        dict(statuses),
        round(max(stops), 2),
        dict(codes),
        floor,
    )


def _another(first: Programs, ending: ExitStack) -> Programs:
    """One more service of the same system, until the end."""
    made = Programs(first.folder, first.database_url, first.settings)
    own = {"URSA_PORT": made.port, "URSA_BUNDLE_CACHE": first.folder / f"bundles-{made.port}"}
    made.environ = {**first.environ, **{name: str(value) for name, value in own.items()}}
    ending.callback(lambda: made.running and made.stop("service"))
    made.start("service")
    return made


if __name__ == "__main__":
    main()

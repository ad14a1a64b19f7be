"""What a monitor has left behind: windows, jobs, metrics as Prometheus would read them."""

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from monitoring import metrics, window_turns
from store import jobs, windows
from store.tables import Job, Window
from tests.monitoring.given import Watched


def kept(watched: Watched) -> list[Window]:
    with watched.database.read() as session:
        return list(windows.newest(session))


def done(watched: Watched) -> list[Job]:
    with watched.database.read() as session:
        return list(jobs.newest(session, window_turns.WINDOW))


def sample(name: str, **labels: str) -> float:
    """What Prometheus would read."""
    for family in text_string_to_metric_families(generate_latest(metrics.REGISTRY).decode()):
        for one in family.samples:
            if one.name == name and one.labels == labels:
                return float(one.value)
    raise AssertionError(f"no sample {name} {labels}")

"""What monitoring says of itself, read from its metrics as Prometheus would."""

from collections.abc import Iterator

import httpx
from prometheus_client.parser import text_string_to_metric_families


def read(port: int, name: str) -> Iterator[tuple[dict[str, str], float]]:
    """Labels and value of each series of a metric; none while nobody answers there."""
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    except httpx.TransportError:
        return
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name:
                yield dict(sample.labels), sample.value


def waiting(port: int, *lanes: str) -> int:
    """Reviews that wait in these lanes."""
    return sum(
        int(value) for labels, value in read(port, "ursa_queue_reviews") if labels["lane"] in lanes
    )


def seen(port: int, version: int) -> int:
    """Pictures of a version that the online detector has counted."""
    return sum(
        int(value)
        for labels, value in read(port, "ursa_detector_seen_pictures")
        if (labels["version"], labels["segment"]) == (str(version), "all")
    )


def decisions(port: int) -> dict[str, int]:
    """How many decisions on candidates monitoring kept, by verdict."""
    return {
        labels["verdict"]: int(value)
        for labels, value in read(port, "ursa_rollout_decisions_total")
    }


def heard(port: int) -> bool:
    """Whether monitoring has said that it is alive."""
    beats = read(port, "ursa_heartbeat_timestamp_seconds")
    return any(value > 0 for labels, value in beats if labels["program"] == "monitoring")

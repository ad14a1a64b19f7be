"""Alive, ready, metrics, and the document that describes the API."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from prometheus_client.parser import text_string_to_metric_families

from service import counting, health, metrics
from service.errors import PICTURES
from service.health import Looks
from store.objects import Objects
from tests.service.serving import Serving, away
from tests.toy import draw


def get(served: Serving, path: str) -> httpx.Response:
    return httpx.get(served.url + path, timeout=30)


def test_a_process_without_a_model_is_ready_and_says_so(served: Serving) -> None:
    answer = get(served, "/readyz")
    assert answer.status_code == 200
    told = answer.json()
    assert told["ready"] is True
    assert set(told["checks"]) == {"database", "storage", "prediction_log", "live_models"}
    assert set(told["checks"].values()) == {"ok"}
    assert told["models"]["answering"] is None


def test_who_answers_and_who_runs_alongside_is_told(served: Serving, tmp_path: Path) -> None:
    first = served.model(tmp_path / "one")
    second = served.register(tmp_path / "two", seed=1)
    served.open(second)
    told = get(served, "/readyz").json()["models"]
    assert (told["answering"], told["alongside"]) == (first, second)


def test_without_a_database_it_is_alive_and_not_ready(served: Serving) -> None:
    with away(served):
        ready, alive = get(served, "/readyz"), get(served, "/livez")
    assert ready.status_code == 503
    assert ready.json()["ready"] is False
    assert ready.json()["checks"]["database"].endswith(".")
    assert ready.json()["checks"]["storage"] == "ok"
    assert (alive.status_code, alive.json()) == (200, {"alive": True})
    assert get(served, "/readyz").status_code == 200


@pytest.mark.parametrize("revision", ["behind", "ahead"])
def test_a_schema_that_is_not_this_codes_is_not_ready(served: Serving, revision: str) -> None:
    with served.database.write() as session:
        change = {
            "behind": "DELETE FROM alembic_version",
            "ahead": "UPDATE alembic_version SET version_num = '9999'",
        }[revision]
        session.connection().exec_driver_sql(change)
    answer = get(served, "/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] != "ok"


def test_a_writer_that_has_stopped_is_not_ready(served: Serving) -> None:
    served.program.log.stop()
    answer = get(served, "/readyz")
    assert answer.status_code == 503
    assert "stopped" in answer.json()["checks"]["prediction_log"]


def test_who_asks_takes_no_thread_from_anybody_while_the_database_is_silent(
    served: Serving,
) -> None:
    def workers() -> int:
        return sum(one.name.startswith("AnyIO worker") for one in threading.enumerate())

    assert get(served, "/readyz").status_code == 200
    before = most = workers()
    with ThreadPoolExecutor(32) as askers, served.program.probes.read():
        # whoever looks waits for the only connection that there is for it
        asked = [askers.submit(get, served, "/readyz") for _ in range(32)]
        while not all(one.done() for one in asked):
            most = max(most, workers())
    assert {one.result().status_code for one in asked} <= {200, 503}
    assert most <= before + 1
    assert get(served, "/readyz").status_code == 200


def test_all_who_ask_meanwhile_share_one_look() -> None:
    begun, go_on = list[str](), threading.Event()

    async def ask() -> list[dict[str, str]]:
        loop, has_begun = asyncio.get_running_loop(), asyncio.Event()

        def look() -> dict[str, str]:
            begun.append("a look")
            loop.call_soon_threadsafe(has_begun.set)
            go_on.wait(30)
            return {"database": "away"}

        looks = Looks(look)
        asked = [asyncio.create_task(looks.take()) for _ in range(50)]
        await has_begun.wait()
        # who asked first has gone
        asked[0].cancel()
        go_on.set()
        return await asyncio.gather(*asked[1:])

    assert asyncio.run(ask()) == [{"database": "away"}] * 49
    assert begun == ["a look"]


@pytest.mark.parametrize(
    ("seconds", "found", "after"),
    [(3600.0, "ok", "ok"), (0.0, "ok", "away"), (3600.0, "away", "ok")],
)
def test_what_was_found_well_is_good_for_a_moment_and_what_is_wrong_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch, seconds: float, found: str, after: str
) -> None:
    monkeypatch.setattr(health, "GOOD_SECONDS", seconds)
    says = iter([found, "ok" if found == "away" else "away"])

    async def ask() -> list[str]:
        looks = Looks(lambda: {"database": next(says)})
        return [(await looks.take())["database"] for _ in range(2)]

    assert asyncio.run(ask()) == [found, after]


def test_a_storage_that_is_away_is_not_ready(served: Serving) -> None:
    storage = served.program.objects.folder
    assert storage is not None
    storage.rename(storage.with_name("elsewhere"))
    storage.write_text("a file where the folder was")
    answer = get(served, "/readyz")
    storage.unlink()
    Objects(str(storage))
    assert answer.status_code == 503
    assert answer.json()["checks"]["storage"] != "ok"


def test_metrics_count_what_happened(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    before = samples(served)
    with served.client() as client:
        client.predict(draw(0, 1))
    after = samples(served)

    def grew(name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    assert grew('ursa_predictions_total{decision="answer",status="answered"}') == 1
    for phase in ("wait", "check", "model", "bytes", "shadow", "rows", "total"):
        assert grew(f'ursa_prediction_seconds_count{{phase="{phase}"}}') == 1
    assert grew('ursa_requests_total{area="predictions",status="2xx"}') == 1
    assert grew('ursa_version_answers_total{flag="not_flagged",version="1"}') == 1
    assert grew('ursa_domain_p_value_count{score="fused"}') == 1
    assert grew("ursa_confidence_ratio_count") == 1
    assert after["ursa_predictions_inside"] == 0
    assert after['ursa_live_model_version{role="incumbent"}'] == 1


def test_labels_never_take_what_a_consumer_sends(shared: Serving) -> None:
    with shared.http() as client:
        for number in range(5):
            client.get(f"/v1/predictions/{number}")
            client.get(f"/nothing/{number}")
    lines = [line for line in samples(shared) if line.startswith("ursa_requests_total")]
    areas = {line.split('area="')[1].split('"')[0] for line in lines}
    assert areas == set(metrics.AREAS)


WILD = (
    'a "quoted" one',
    "back\\slash",
    "back\\nslash n",
    "two\nlines",
    'all\\"\n',
    '{a="b"}',
    "bär 🐻",
    "# HELP",
    " ",
)


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Room for names, and nothing of them left for tests that count series."""
    for few in ("_segments", "_classes"):
        monkeypatch.setattr(counting, few, counting.Few(100))
    yield
    for label in WILD:
        for family in (metrics.ANSWERS_BY_CLASS, metrics.ANSWERS_BY_SEGMENT):
            for labels in [one for one in family._metrics if one[0] == label]:
                family.remove(*labels)


@pytest.mark.usefixtures("roomy")
def test_a_stock_parser_reads_whatever_segments_and_classes_are_called(
    served: Serving, tmp_path: Path
) -> None:
    before = parsed(served)
    served.model(tmp_path / "one", classes=WILD[:2], gain=30.0)
    with served.client() as client:
        # over HTTP a segment is one line
        for segment in (one for one in WILD if "\n" not in one):
            client.predict(draw(0, 1), segment=segment)
    for label in WILD:
        metrics.ANSWERS_BY_CLASS.labels(label).inc(0.5)
        metrics.ANSWERS_BY_SEGMENT.labels(label, "flagged").inc(0.5)
    after = parsed(served)

    def grew(name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return after.get(key, 0) - before.get(key, 0)

    answers = sum("\n" not in one for one in WILD)
    for label in WILD:
        answered = answers if label == WILD[0] else 0
        assert grew("ursa_class_answers_total", label=label) == answered + 0.5
        flags = [
            grew("ursa_segment_answers_total", segment=label, flag=flag) for flag in metrics.FLAGS
        ]
        assert sum(flags) == ("\n" not in label) + 0.5


def parsed(served: Serving) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by its name and labels, as Prometheus' own parser reads it."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(get(served, "/metrics").text)
        for sample in family.samples
    }


def document(served: Serving) -> dict[str, Any]:
    told: dict[str, Any] = get(served, "/openapi.json").json()
    return told


def test_the_document_describes_every_call_and_no_page(shared: Serving) -> None:
    told = set(document(shared)["paths"])
    served = {str(one.path) for one in iter_route_contexts(shared.app.routes)}
    health = {"/livez", "/readyz", "/metrics"}
    assert told == {path for path in served if path.startswith("/v1/")} | health
    assert {"/v1/predictions", "/v1/models/{number}/promote", "/v1/revert"} <= told


def test_the_document_describes_every_error(shared: Serving) -> None:
    told = document(shared)
    upload = told["paths"]["/v1/predictions"]["post"]["responses"]
    assert set(upload) >= {"200", "401", "409", "413", "415", "422", "429", "503"}
    for status in upload.keys() - {"200"}:
        content = upload[status]["content"]["application/problem+json"]
        assert content["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}
        assert content["examples"]
    words = " ".join(one["description"] for one in upload.values())
    for reason in PICTURES:
        assert reason in words
    assert "ProblemDetails" in told["components"]["schemas"]


def test_every_reference_in_the_document_leads_somewhere(shared: Serving) -> None:
    told = document(shared)

    def references(part: Any) -> set[str]:
        if isinstance(part, dict):
            own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
            return own.union(*(references(one) for one in part.values()))
        if isinstance(part, list):
            return set().union(*(references(one) for one in part)) if part else set()
        return set()

    for reference in references(told):
        assert reference.startswith("#/")
        found = told
        for step in reference[2:].split("/"):
            found = found[step]


def samples(served: Serving) -> dict[str, float]:
    """The metrics as they are scraped."""
    # other tests' labels may hold what is a line's end elsewhere
    lines = get(served, "/metrics").text.split("\n")
    return {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in lines
        if line and not line.startswith("#")
    }

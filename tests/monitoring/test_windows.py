import json
import zlib
from dataclasses import replace
from pathlib import Path

from sqlalchemy import text

from classifier.bundle import read_bundle
from monitoring import loop
from store import windows
from store.database import Database
from tests.monitoring.given import Watched, opinions
from tests.monitoring.seen import done, kept, sample
from tests.store.given import digest, later
from tests.toy import toy_bundle


def test_ordinary_pictures_are_quiet_and_kept_with_a_report(watched: Watched, bundle: Path) -> None:
    version = watched.promote(bundle)
    watched.answer(version, opinions(bundle, 60))
    before = sample("ursa_windows_checked_total", verdict="quiet")
    loop.look(watched.monitor)
    (window,) = kept(watched)
    assert (window.verdict, window.pictures, window.segment) == ("quiet", 60, "")
    assert (window.starts_at, window.ends_at) == (later(seconds=1), later(seconds=60))
    assert window.config["bundle"] == version.bundle_digest
    assert window.config["reference_pictures"] == 120
    assert window.config["left_out"]["compression"] == "not judged"
    assert {
        "flagged_pictures", "brightness", "confidence", "domain_score", "features", "predicted_class"
    } <= set(window.values)  # fmt: skip
    assert set(window.values["brightness"]) == {
        "family", "statistic", "distance", "low", "least", "shift", "p_value", "threshold", "drift"
    }  # fmt: skip
    with watched.database.read() as session:
        report = windows.report_of(session, window.id)
        assert report is not None
        script = windows.script(session, report.script_sha256)
    page = zlib.decompress(report.html).decode()
    assert f"/drift/scripts/{report.script_sha256}.js" in page
    assert json.loads(zlib.decompress(report.body))["metadata"]["model_version"] == "1"
    assert len(zlib.decompress(script)) > 1_000_000
    (job,) = done(watched)
    assert (job.status, job.result) == ("done", {"window_id": window.id, "verdict": "quiet"})
    assert sample("ursa_windows_checked_total", verdict="quiet") == before + 1
    assert sample("ursa_window_verdict", verdict="quiet") == 1
    assert sample("ursa_window_pictures") == 60


def test_sketches_are_drift_and_it_says_what_moved(watched: Watched, bundle: Path) -> None:
    version = watched.promote(bundle)
    watched.answer(version, opinions(bundle, 60, shift="sketch"))
    loop.look(watched.monitor)
    (window,) = kept(watched)
    assert window.verdict == "drift"
    moved = {name for name, value in window.values.items() if value["drift"]}
    assert {"flagged_pictures", "brightness", "saturation"} <= moved
    assert window.values["brightness"]["shift"] > 1
    assert sample("ursa_window_verdict", verdict="drift") == 1
    assert sample("ursa_window_verdict", verdict="quiet") == 0


def test_the_same_stretch_gives_the_same_verdict_again(
    sqlite_url: str, tmp_path: Path, bundle: Path
) -> None:
    watched = Watched(Database(sqlite_url), tmp_path)
    version = watched.promote(bundle)
    watched.answer(version, opinions(bundle, 60))
    loop.look(watched.monitor)
    (window,) = kept(watched)
    with watched.database.write() as session:
        session.execute(text("DELETE FROM reports"))
        session.execute(text("DELETE FROM windows"))
    loop.look(watched.another("monitor two"))
    (again,) = kept(watched)
    assert (again.values, again.config) == (window.values, window.config)
    watched.database.dispose()


def test_a_reference_that_is_too_small_is_said(watched: Watched, small: Path) -> None:
    version = watched.promote(small)
    watched.answer(version, opinions(small, 60))
    loop.look(watched.monitor)
    (window,) = kept(watched)
    assert window.verdict == "too_few"
    assert "reference has 40 pictures" in window.values["reason"]
    with watched.database.read() as session:
        assert windows.report_of(session, window.id) is None
    loop.look(watched.monitor)  # and said once
    assert len(kept(watched)) == 1


def test_a_model_without_a_reference_table_is_said(
    watched: Watched, bundle: Path, tmp_path: Path
) -> None:
    reference = replace(read_bundle(bundle).reference, held_out={})
    bare = toy_bundle(tmp_path / "bare", reference=reference)
    version = watched.promote(bare)
    watched.answer(version, opinions(bundle, 60))
    loop.look(watched.monitor)
    (window,) = kept(watched)
    assert (window.verdict, window.config["reference_pictures"]) == ("too_few", 0)


def test_a_bundle_that_is_broken_or_gone_is_said(watched: Watched, small: Path) -> None:
    version = watched.promote(small)
    stored = watched.storage / "bundles" / version.bundle_digest
    (stored / "reference.npz").write_bytes(b"broken")
    watched.answer(version, opinions(small, 60))
    loop.look(watched.monitor)
    (stored / "manifest.json").unlink()
    watched.answer(version, opinions(small, 60))
    loop.look(watched.another("monitor two"))
    gone, broken = kept(watched)
    assert (gone.verdict, broken.verdict) == ("too_few", "too_few")
    assert "cannot be read" in broken.values["reason"]
    assert "cannot be fetched" in gone.values["reason"]


def test_a_local_copy_that_is_broken_is_fetched_again(watched: Watched, small: Path) -> None:
    version = watched.promote(small)
    copy = watched.folder / "cache of monitor one" / version.bundle_digest
    copy.mkdir(parents=True)
    (copy / "manifest.json").write_text("broken")
    watched.answer(version, opinions(small, 60))
    loop.look(watched.monitor)
    assert "reference has 40 pictures" in kept(watched)[0].values["reason"]


def test_a_new_version_is_judged_by_its_own_answers_and_reference(
    watched: Watched, small: Path, tmp_path: Path
) -> None:
    first = watched.promote(small)
    watched.answer(first, opinions(small, 50))
    other = toy_bundle(tmp_path / "other", seed=1, held_out=30)
    second = watched.promote(other)
    watched.answer(second, opinions(other, 59))
    loop.look(watched.monitor)
    assert kept(watched) == []
    watched.answer(second, opinions(other, 1))
    loop.look(watched.monitor)
    (window,) = kept(watched)
    assert (window.model_version_id, window.pictures) == (second.id, 60)
    assert window.config["reference_pictures"] == 30
    assert sample("ursa_rollout_model_version", role="incumbent") == 2


def test_pictures_that_wait_too_long_are_told_to_be_too_few(watched: Watched, small: Path) -> None:
    version = watched.promote(small)
    watched.answer(version, opinions(small, 19))
    loop.look(watched.monitor)
    assert kept(watched) == []
    watched.clock.pass_by(hours=1)
    loop.look(watched.monitor)
    assert kept(watched)[0].values == {
        "reason": "19 different pictures; 20 are needed for a verdict."
    }


def test_a_picture_that_is_sent_again_and_again_is_one_picture(
    watched: Watched, small: Path
) -> None:
    version = watched.promote(small)
    watched.answer(version, opinions(small, 60), picture_digest=digest("the same"))
    loop.look(watched.monitor)
    (window,) = kept(watched)
    assert (window.pictures, window.config["different_pictures"]) == (60, 1)
    assert window.values["reason"].startswith("1 different pictures")

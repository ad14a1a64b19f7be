from pathlib import Path

import pytest
from sqlalchemy import text

from monitoring import loop, recompute
from monitoring.references import References
from store import windows
from store.bundles import BundleStore
from store.errors import NotFound
from store.objects import Objects
from tests.monitoring.given import Watched, opinions
from tests.monitoring.seen import kept


@pytest.fixture
def seen(watched: Watched, bundle: Path) -> Watched:
    """A monitor that has judged one window by count, of drift."""
    version = watched.promote(bundle)
    watched.answer(version, opinions(bundle, 60, shift="sketch"))
    loop.look(watched.monitor)
    return watched


def again(watched: Watched) -> recompute.Recomputed:
    # of another process: nothing that the first one holds
    folder = watched.folder / "cache of somebody else"
    references = References(BundleStore(Objects(str(watched.storage)), folder))
    return recompute.window(watched.database, references, kept(watched)[-1].id)


def change(watched: Watched, statement: str) -> None:
    with watched.database.write() as session:
        session.execute(text(statement))


def test_a_verdict_is_the_same_bit_for_bit(seen: Watched) -> None:
    done = again(seen)
    assert done.same, done.sentence
    assert "bit for bit: drift, 60 predictions" in done.sentence


def test_what_was_checked_since_changes_nothing(seen: Watched) -> None:
    seen.clock.pass_by(hours=2)
    loop.look(seen.monitor)
    assert len(kept(seen)) == 2
    assert again(seen).same


def test_a_row_that_was_changed_is_seen(seen: Watched) -> None:
    change(seen, "UPDATE windows SET verdict = 'quiet'")
    done = again(seen)
    assert not done.same
    assert "differs in its verdict" in done.sentence


def test_predictions_that_are_gone_are_told(seen: Watched) -> None:
    change(seen, "UPDATE windows SET last_prediction_id = first_prediction_id")
    done = again(seen)
    assert not done.same
    assert "of its 60 predictions 1 are left" in done.sentence


def test_a_window_judged_by_another_rule_is_told(seen: Watched) -> None:
    (window,) = kept(seen)
    with seen.database.write() as session:
        row = windows.get(session, window.id)
        row.config = {**row.config, "rule": "an older one", "digest": "0" * 64}
    done = again(seen)
    assert "judged by another rule (an older one)" in done.sentence


def test_a_bundle_that_is_gone_is_told(seen: Watched) -> None:
    for manifest in (seen.storage / "bundles").glob("*/manifest.json"):
        manifest.unlink()
    assert "cannot be computed again" in again(seen).sentence


def test_a_window_that_said_too_few_says_it_again(watched: Watched, small: Path) -> None:
    watched.answer(watched.promote(small), opinions(small, 60))
    loop.look(watched.monitor)
    assert again(watched).same


def test_there_must_be_such_a_window(watched: Watched) -> None:
    with pytest.raises(NotFound):
        recompute.window(watched.database, watched.monitor.references, "nothing")

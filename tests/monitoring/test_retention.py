from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from monitoring import retention
from store import days, jobs, labels, predictions, retired, reviews, rollouts, training_sets
from store.errors import Invalid, NotFound, Unavailable
from store.labels import Answer
from store.objects import Objects
from store.pictures import aside, key_of
from store.prediction_log import Entry, NewShadow
from store.retention import Gone
from store.rollouts import Actor
from store.tables import Day, Label, Prediction, RetiredPicture, Review, StoredPicture
from tests.monitoring.given import settings
from tests.monitoring.kept import FEATURES, LATER, Kept
from tests.store import given
from tests.store.given import NOW, PENDING, later


def test_what_is_old_goes_with_its_picture_and_what_is_young_stays(kept: Kept) -> None:
    old, young = kept.entry(1), kept.entry(2)
    made = LATER - timedelta(days=100)
    row = given.prediction(kept.consumer, int((made - NOW).total_seconds()))
    young = replace(
        young,
        prediction=replace(row, picture_digest=young.picture.digest, features=FEATURES),
    )
    kept.answer(old, young)
    gone = kept.take()
    assert (gone.predictions, gone.pictures, gone.picture_bytes) == (1, 1, 1)
    assert kept.left() == {young.prediction.id}
    kept.take(LATER + timedelta(days=1, minutes=1))
    assert not kept.has_bytes(old.picture.digest)
    assert kept.has_bytes(young.picture.digest)
    with kept.database.read() as session, pytest.raises(NotFound):
        predictions.get(session, old.prediction.id)


def test_features_go_before_the_rows(kept: Kept) -> None:
    kept.answer(kept.entry(1), kept.entry(2, "audit"))
    gone = kept.take(later(days=200))
    assert (gone.features, gone.predictions) == (2, 0)
    with kept.database.read() as session:
        assert set(session.scalars(select(Prediction.features))) == {None}
    assert kept.take(later(days=200)) == Gone()


def test_a_row_stays_as_long_as_anything_that_lasts_stands_on_it(kept: Kept) -> None:
    """One prediction for each reason to stay, and one that has none."""
    with kept.database.write() as session:
        candidate = given.version(session, "candidate")
        actor = Actor("system", "a test")
        rollouts.open_rollout(session, candidate.id, actor, "new", NOW)
        first = given.version(session, "earlier")
    shadow = NewShadow(candidate.id, "teddy", 0.9, {}, None, 1.0)
    entries = {
        "free": kept.entry(1),
        "reviewed": kept.entry(2, "rule"),
        "audited": kept.entry(3, "audit", audited=True),
        "pending": kept.entry(4, "held", **PENDING),
        "said back": kept.entry(5),
        "compared": replace(kept.entry(6), shadows=(shadow,)),
        "a candidate's": kept.entry(7, model_version_id=candidate.id),
        "asked for": kept.entry(8, model_version_id=first.id),
        "compared once": replace(
            kept.entry(9), shadows=(replace(shadow, model_version_id=first.id),)
        ),
        "awaited once": replace(kept.entry(10), awaited=(first.id,)),
    }
    kept.answer(*entries.values())
    with kept.database.write() as session:
        said = predictions.get(session, entries["said back"].prediction.id)
        predictions.add_feedback(session, said, label=None, correct=False, note=None, now=NOW)
        asked = entries["asked for"].prediction.id
        payload = {"first_prediction_id": asked, "last_prediction_id": asked}
        jobs.add(session, "window", payload, NOW, asked_by="a test")
    assert kept.take().predictions == 3
    stay = set(entries) - {"free", "compared once", "awaited once"}
    assert kept.left() == {entries[name].prediction.id for name in stay}
    for name in stay:
        assert kept.has_bytes(entries[name].picture.digest), name


def test_labels_and_training_sets_keep_their_pictures(kept: Kept) -> None:
    asked, trained, plain = kept.entry(1, "rule"), kept.entry(2), kept.entry(3)
    kept.answer(asked, trained, plain)
    with kept.database.write() as session:
        lease = reviews.lease_next(session, person := given.person(session), NOW)
        assert lease is not None
        answer = Answer(lease.review_id, person, lease.token, "class", "teddy", "one")
        labels.give(session, answer, given.CLASSES, NOW)
        row, other = (
            training_sets.Row(one.picture.digest, label, "train", "folder", None)
            for one, label in ((trained, "teddy"), (asked, "grizzly"))
        )
        training_sets.freeze(session, ["grizzly", "teddy"], [row, other], NOW)
    gone = kept.take()
    assert (gone.predictions, gone.pictures) == (2, 1)
    kept.take(LATER + timedelta(days=2))
    assert [kept.has_bytes(one.picture.digest) for one in (asked, trained, plain)] == [
        True,
        True,
        False,
    ]
    with kept.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Label)) == 1
        assert session.scalar(select(func.count()).select_from(Review)) == 1


def test_a_picture_that_a_younger_prediction_shows_stays(kept: Kept) -> None:
    old = kept.entry(1)
    seconds = int(timedelta(days=390).total_seconds())
    young = given.prediction(kept.consumer, seconds, picture_digest=old.picture.digest)
    kept.answer(old, Entry(young, old.picture))
    gone = kept.take()
    assert (gone.predictions, gone.pictures) == (1, 0)
    kept.take(LATER + timedelta(days=2))
    assert kept.has_bytes(old.picture.digest)


def test_a_picture_sent_again_while_its_bytes_go_is_never_lost(kept: Kept) -> None:
    old = kept.entry(1)
    kept.answer(old)
    # the request has found the bytes and written nothing; then they are laid aside, then its row is committed
    kept.take()
    with kept.database.read() as session:
        assert session.get_one(RetiredPicture, old.picture.digest).moved_at == LATER
        assert session.get(StoredPicture, old.picture.digest) is None
    assert kept.has_bytes(old.picture.digest)
    seconds = int((LATER - NOW).total_seconds())
    again = given.prediction(kept.consumer, seconds, picture_digest=old.picture.digest)
    kept.answer(Entry(again, old.picture))
    kept.take(LATER + timedelta(days=2))
    assert kept.objects.get(key_of(old.picture.digest)) == b"1"
    with pytest.raises(NotFound):
        kept.objects.get(aside(old.picture.digest))
    with kept.database.read() as session:
        assert session.get(RetiredPicture, old.picture.digest) is None


def test_bytes_that_somebody_laid_aside_and_did_not_write_down_go_on(kept: Kept) -> None:
    old = kept.entry(1)
    kept.answer(old)
    kept.take()
    with kept.database.write() as session:
        session.get_one(RetiredPicture, old.picture.digest).moved_at = None
    assert retired.lay_aside(kept.database, kept.objects, LATER) == 1
    assert kept.has_bytes(old.picture.digest)
    assert retired.forget(kept.database, kept.objects, LATER + timedelta(days=2)) == 1
    assert not kept.has_bytes(old.picture.digest)


def test_where_nothing_more_can_be_laid_aside_what_lies_there_goes(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise Unavailable("There is no space left.", "storage_unavailable")

    first = kept.entry(1)
    kept.answer(first)
    kept.take()
    second = kept.entry(2)
    kept.answer(second)
    monkeypatch.setattr(Objects, "put", full)
    with pytest.raises(Unavailable):
        kept.take(LATER + timedelta(days=1, minutes=1))
    assert not kept.has_bytes(first.picture.digest)
    assert kept.has_bytes(second.picture.digest)


def test_a_day_is_counted_before_its_rows_go_and_its_counts_stay(kept: Kept) -> None:
    with kept.database.write() as session:
        version = given.version(session)
    flagged: dict[str, Any] = {"inside": False, "segment": "zoo", "model_version_id": version.id}
    kept.answer(
        kept.entry(1, confidence=0.5, **flagged),
        kept.entry(2, confidence=0.75, label="teddy", **flagged),
        kept.entry(3, "audit", audited=True, decision="answer_and_review"),
        kept.entry(int(timedelta(days=1).total_seconds())),
    )
    kept.take()
    kept.take()
    with kept.database.read() as session:
        first, second = days.since(session, NOW.date())[:2]
        counted = session.scalar(select(func.sum(Day.predictions)))
    assert (first.day, first.model_version_id, first.segment) == ("2026-03-01", "", "")
    assert (first.predictions, first.audited, first.by_decision) == (1, 1, {"answer_and_review": 1})
    assert (second.model_version_id, second.segment, second.flagged) == (version.id, "zoo", 2)
    assert second.by_class == {"grizzly": 1, "teddy": 1}
    assert (second.confidence_sum, second.confidence_count) == (1.25, 2)
    assert counted == 4


def test_a_dry_run_says_what_the_next_run_takes_and_takes_nothing(kept: Kept) -> None:
    kept.answer(*(kept.entry(number) for number in range(20)), kept.entry(20, "rule"))
    same = kept.entry(21)
    kept.answer(same)
    before = kept.left()
    would = retention.would_take(kept.database, kept.settings, LATER)
    assert kept.left() == before
    assert kept.take() == would
    assert would.predictions == 21
    assert "Would take 21 predictions, 21 pictures" in retention.in_words(would, dry=True)


def test_at_0_days_everything_stays(kept: Kept) -> None:
    kept.answer(kept.entry(1))
    kept.settings = replace(kept.settings, retention_days=0, retention_features_days=0)
    assert kept.take(later(days=999)) == Gone()
    assert len(kept.left()) == 1


def test_what_accuracy_still_reads_cannot_be_set_to_go(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="URSA_ACCURACY_DAYS"):
        settings("sqlite://", tmp_path, retention_days=28)


def test_a_day_without_predictions_is_counted_too(kept: Kept) -> None:
    kept.answer(kept.entry(1), kept.entry(int(timedelta(days=2).total_seconds())))
    kept.take(later(days=4))
    with kept.database.read() as session:
        assert [(one.day, one.predictions) for one in days.since(session, date(2026, 3, 1))] == [
            ("2026-03-01", 1),
            ("2026-03-02", 0),
            ("2026-03-03", 1),
            ("2026-03-04", 0),
        ]

"""Trainings in a world in which things die: a parent that can be trained further, and pictures labelled one by one.

The toy answers as ever; what its bundle carries for training is a small real network that has learned the same classes
from a few pictures. Whoever asks for a training has a few more pictures labelled in the same transaction, so that there
is something new to learn.
"""

from datetime import UTC, datetime

from sqlalchemy import select

from classifier.preprocessing import Preprocessing
from store import jobs, labels, pictures, training_sets
from store.database import Database
from store.ids import new_id
from store.labels import Answer
from store.objects import Objects
from store.pictures import NewPicture, PictureStore
from store.prediction_log import Entry
from store.reviews import NewReview
from store.tables import Person, Prediction, Review
from store.training_sets import Row
from tests.monitoring.given import Watched
from tests.store import given as store_given
from tests.toy import CLASSES, SIZE, draw

ARCHITECTURE = "resnet10t"
# of the parent; one epoch of a retraining takes a second
PICTURES, EPOCHS = 64, 8
# labelled for each training: of one alone there would be nothing new where it falls into the golden share
AT_ONCE = 3
_SPLITS = ("train", "train", "valid", "calibration")
_FIRST, _FIRST_TAUGHT = 800_000, 850_000
_TAUGHT, _TEACHER = "taught-", "a teacher"


def training_set(watched: Watched) -> tuple[str, bytes]:
    """A frozen set, and the weights of a network that has learned it."""
    kept, now = PictureStore(Objects(str(watched.storage))), datetime.now(UTC)
    drawn = [(draw(one % 2, _FIRST + one), one) for one in range(PICTURES)]
    rows = [
        Row(kept.keep(data), CLASSES[one % 2], _SPLITS[one // 2 % len(_SPLITS)], "folder")
        for data, one in drawn
    ]
    with watched.database.write() as session:
        new = [
            _picture(row.picture_digest, data) for row, (data, _) in zip(rows, drawn, strict=True)
        ]
        pictures.record(session, new, "training", now)
        frozen = training_sets.freeze(session, CLASSES, rows, now)
    return frozen.id, _weights(kept, rows)


def ask_people(watched: Watched, trainings: int) -> None:
    """As many pictures as that takes, about which people are asked; no model has answered them, so that no window has them."""
    kept, now = PictureStore(Objects(str(watched.storage))), datetime.now(UTC)
    entries = []
    for one in range(trainings * AT_ONCE):
        data = draw(one % 2, _FIRST_TAUGHT + one)
        digest = kept.keep(data)
        row = store_given.prediction(
            watched.consumer, id=new_id(now), created_at=now, answered_at=now,
            picture_digest=digest, reference=f"{_TAUGHT}{one:05}",
        )  # fmt: skip
        asked = NewReview(row.id, digest, "rule", ("low_confidence",))
        entries.append(Entry(row, _picture(digest, data), review=asked))
    store_given.keep(watched.database, entries)
    with watched.database.write() as session:
        store_given.person(session, _TEACHER)


def ask_for_training(database: Database) -> bool:
    """Label the next pictures and ask for a training; whether there was a picture left."""
    with database.write() as session:
        now = datetime.now(UTC)
        teacher = session.scalar(select(Person.id).where(Person.name == _TEACHER))
        found = session.execute(
            select(Review.id, Prediction.reference)
            .join(Prediction, Prediction.id == Review.prediction_id)
            .where(Review.status == "open", Prediction.reference.startswith(_TAUGHT))
            .order_by(Prediction.reference)
            .limit(AT_ONCE)
        ).all()
        if teacher is None or not found:
            return False
        for review_id, reference in found:
            shows = CLASSES[int(reference.removeprefix(_TAUGHT)) % 2]
            said = Answer(review_id, teacher, "-", "class", shows, reference)
            labels.give(session, said, CLASSES, now)
        jobs.add(session, "train", {}, now, asked_by="a crash test")
        return True


def _weights(kept: PictureStore, rows: list[Row]) -> bytes:
    """Of a network that was trained on these rows."""
    # fastai takes seconds to import, which only those who train should wait for
    from retrain.train import Plan, train

    toys = Preprocessing(SIZE, "squish", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    plan = Plan(ARCHITECTURE, toys, EPOCHS, 1, 16, "cpu", 1, scratch=True)
    return train(plan, CLASSES, rows, kept.read, lambda *_: None).exported.weights


def _picture(digest: str, data: bytes) -> NewPicture:
    return NewPicture(digest, "png", len(data), 64, 64)

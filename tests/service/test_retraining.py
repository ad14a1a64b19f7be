"""Asking for a training."""

import pytest

from service import retraining
from store import jobs
from store.database import Database
from store.errors import Conflict
from tests.service.released import ANNA, NOON


def test_one_training_is_asked_for_at_a_time(database: Database) -> None:
    with database.write() as session:
        asked = retraining.ask(session, ANNA, NOON)
    with pytest.raises(Conflict) as refused, database.write() as session:
        retraining.ask(session, ANNA, NOON)
    assert refused.value.code == "training_already"
    with database.read() as session:
        (job,) = jobs.unfinished(session, "train")
    assert (job.id, job.asked_by) == (asked.id, "anna")

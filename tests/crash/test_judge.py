"""The judge finds what it looks for: a verdict of nothing wrong must not be for want of looking."""

import pytest
from sqlalchemy import select

from store import decisions
from store.database import Database
from store.decisions import NewDecision
from store.tables import Rollout
from tests.crash.judge import decided_twice
from tests.store.given import later
from tests.store.pairing import Two

SEEN = {"pairs": 7, "differing": 1, "overdue": 0, "waiting": 1, "answers": 9, "doubles": 0}


@pytest.mark.parametrize(
    ("concluded", "twice"),
    [
        (["7 hold"], 0),
        (["7 hold", "8 hold", "9 advance"], 0),
        (["7 hold", "7 hold"], 1),
        (["7 hold", "8 hold", "7 hold"], 1),  # of a monitor that hung meanwhile
        (["7 hold", "7 frozen", "7 hold"], 0),  # people froze it and let it go on
    ],
)
def test_what_is_concluded_twice_from_the_same_rows_is_counted(
    sqlite_url: str, concluded: list[str], twice: int
) -> None:
    database = Database(sqlite_url)
    Two(database)
    with database.write() as session:
        ids = session.scalars(select(Rollout.id)).all()
        for number, one in enumerate(concluded):
            pairs, act = one.split()
            # monitors look at two rollouts in turn
            for rollout_id in ids:
                new = NewDecision(
                    rollout_id, "manual", "hold", "a rule", {}, {"step": 1},
                    {**SEEN, "pairs": pairs, "actions": {}, "act": act}, {}, "a monitor",
                )  # fmt: skip
                decisions.add(session, new, later(seconds=number))
    assert decided_twice(database) == len(ids) * twice
    database.dispose()

"""The versions as they are listed, each with where it stands."""

from service import listing
from store import rollouts
from store.database import Database
from tests.service.released import ANNA, NOON, backtest, promote, versions


def test_versions_are_listed_with_where_they_stand(database: Database) -> None:
    first, second = versions(database, 2)
    promote(database, 1)
    backtest(database, second, first)
    with database.write() as session:
        rollouts.open_rollout(session, second.id, ANNA, "a candidate", NOON)
    with database.read() as session:
        listed = listing.versions(session)
    assert [(one.version.number, one.role) for one in listed] == [
        (2, "candidate"),
        (1, "incumbent"),
    ]
    assert (listed[0].against, listed[1].backtest) == (1, None)

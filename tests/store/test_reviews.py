from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from store import labels, reviews
from store.database import Database
from store.errors import Conflict, NotFound
from store.labels import Answer
from store.reviews import Lease, NewReview
from store.tables import Label, Review
from store.tables.reviews import LANES
from tests.store.given import CLASSES, NOW, consumer, digest, entry, keep, later, person


def ask(database: Database, lanes: list[str]) -> list[str]:
    """One review in each lane that is named, a second apart; their ids in that order."""
    with database.write() as session:
        shop = consumer(session)
    entries = [entry(shop, number, lane=lane) for number, lane in enumerate(lanes)]
    keep(database, entries)
    with database.read() as session:
        return [reviews.of_prediction(session, one.prediction.id)[0].id for one in entries]


def people(database: Database, *names: str) -> list[str]:
    with database.write() as session:
        return [person(session, name) for name in names]


def lease(database: Database, who: str, seconds: float = 100, *holding: str) -> Lease | None:
    with database.write() as session:
        return reviews.lease_next(session, who, later(seconds=seconds), holding=holding)


def leased(database: Database, who: str, seconds: float = 100, *holding: str) -> Lease:
    found = lease(database, who, seconds, *holding)
    assert found is not None
    return found


def answer(database: Database, held: Lease, who: str, seconds: float = 100) -> None:
    given = Answer(held.review_id, who, held.token, "class", "teddy", held.token)
    with database.write() as session:
        labels.give(session, given, CLASSES, later(seconds=seconds))


def test_the_audit_is_read_by_those_alone_who_have_not_seen_the_answer(database: Database) -> None:
    asked = ask(database, ["audit", "rule"])
    rita, otto = people(database, "rita", "otto")
    with database.write() as session:
        for number in (0, 1):
            reviews.saw_answer(session, digest(number), rita, NOW)
            reviews.saw_answer(session, digest(number), rita, NOW)
    assert leased(database, rita).review_id == asked[1]
    assert leased(database, otto).review_id == asked[0]


def test_who_waits_comes_first_and_the_oldest_of_them(database: Database) -> None:
    asked = ask(database, [*reversed(LANES), *LANES])
    (rita,) = people(database, "rita")
    offered: list[str] = []
    while (held := lease(database, rita, 100, *offered)) is not None:
        offered.append(held.review_id)
    count = len(LANES)
    expected = [(asked[count - 1 - place], asked[count + place]) for place in range(count)]
    assert offered == [identity for pair in expected for identity in pair]


def test_two_people_hold_different_reviews_and_then_there_is_none(database: Database) -> None:
    ask(database, ["audit", "audit"])
    rita, otto, anna = people(database, "rita", "otto", "anna")
    assert leased(database, rita).review_id != leased(database, otto).review_id
    assert lease(database, anna) is None


def test_a_lapsed_lease_is_taken_up_and_its_old_token_holds_nothing(database: Database) -> None:
    ask(database, ["audit"])
    rita, otto = people(database, "rita", "otto")
    old = leased(database, rita, 100)
    assert lease(database, otto, 219.9) is None
    new = leased(database, otto, 220)
    assert (new.review_id, new.token == old.token) == (old.review_id, False)
    with pytest.raises(Conflict) as refused, database.write() as session:
        reviews.renew(session, old.review_id, old.token, later(seconds=221))
    assert refused.value.code == "lease_lost"
    with database.write() as session:
        reviews.give_back(session, old.review_id, old.token, rita, later(seconds=221))
        assert reviews.get(session, old.review_id).lease_token == new.token


def test_a_lease_is_held_longer_by_its_token_until_it_lapses(database: Database) -> None:
    ask(database, ["audit"])
    rita, otto = people(database, "rita", "otto")
    held = leased(database, rita, 100)
    with database.write() as session:
        until = reviews.renew(session, held.review_id, held.token, later(seconds=200))
    assert until == later(seconds=320)
    assert lease(database, otto, 319) is None
    for token, seconds in (("another", 201), (held.token, 320)):
        with pytest.raises(Conflict), database.write() as session:
            reviews.renew(session, held.review_id, token, later(seconds=seconds))


def test_a_lease_that_its_own_page_forgot_is_handed_out_again_first(database: Database) -> None:
    asked = ask(database, ["audit", "held", "audit"])
    (rita,) = people(database, "rita")
    first = leased(database, rita)
    again = leased(database, rita, 101)  # the page was loaded anew
    assert again.review_id == first.review_id == asked[1]
    assert again.token != first.token
    with pytest.raises(Conflict), database.write() as session:
        reviews.renew(session, first.review_id, first.token, later(seconds=102))
    assert leased(database, rita, 102, again.review_id).review_id == asked[0]


def test_what_was_skipped_is_offered_to_others_only(database: Database) -> None:
    ask(database, ["audit"])
    rita, otto = people(database, "rita", "otto")
    held = leased(database, rita)
    for _ in range(2):  # a second click changes nothing
        with database.write() as session:
            reviews.give_back(session, held.review_id, held.token, rita, later(seconds=101))
    assert lease(database, rita, 102) is None
    assert leased(database, otto, 102).review_id == held.review_id


def test_nobody_is_asked_twice_about_one_review(database: Database) -> None:
    (asked,) = ask(database, ["audit"])
    rita, otto = people(database, "rita", "otto")
    with database.write() as session:
        reviews.get(session, asked).opinions_needed = 2
    answer(database, leased(database, rita), rita)
    assert lease(database, rita) is None
    answer(database, leased(database, otto), otto)
    assert lease(database, otto) is None


def test_sixteen_people_drain_the_queue_and_each_review_is_answered_once(
    database: Database,
) -> None:
    patient = Database(database.url, pool_size=16, wait_seconds=60)
    asked = ask(database, [LANES[number % 5] for number in range(300)])
    crowd = people(database, *[f"person {number}" for number in range(16)])

    def drain(who: str) -> list[str]:
        done = []
        while (held := lease(patient, who, 1000)) is not None:
            answer(patient, held, who, 1000)
            done.append(held.review_id)
        return done

    with ThreadPoolExecutor(16) as at_work:
        drained = list(at_work.map(drain, crowd))
    patient.dispose()
    assert Counter(one for done in drained for one in done) == Counter(asked)
    with database.read() as session:
        rows = session.execute(select(Label.review_id, Label.late)).tuples().all()
        assert Counter(rows) == Counter((one, False) for one in asked)
        assert set(session.scalars(select(Review.status))) == {"settled"}


def test_the_same_question_gathers_its_reasons(database: Database) -> None:
    with database.write() as session:
        shop = consumer(session)
    made = entry(shop, lane="rule")
    keep(database, [made])
    again = NewReview(made.prediction.id, digest(0), "rule", ("low_confidence",))
    with database.write() as session:
        review = reviews.open_review(session, again, NOW)
        reviews.open_review(session, replace(again, lane="audit", reasons=("audit",)), NOW)
        assert (review.reasons, review.opinions_needed) == (["domain", "low_confidence"], 1)
        assert len(reviews.of_prediction(session, made.prediction.id)) == 2


def test_a_settled_question_that_is_asked_again_needs_one_opinion_more(database: Database) -> None:
    (asked,) = ask(database, ["feedback"])
    rita, otto = people(database, "rita", "otto")
    answer(database, leased(database, rita), rita)
    with database.write() as session:
        row = reviews.get(session, asked)
        again = NewReview(row.prediction_id, row.picture_digest, "feedback", ("feedback",))
        reviews.open_review(session, again, later(hours=1))
        assert (row.status, row.truth_label, row.opinions_needed) == ("open", None, 2)
    assert lease(database, rita) is None
    answer(database, leased(database, otto), otto)
    with database.read() as session:
        assert reviews.get(session, asked).status == "settled"


def test_the_state_of_the_queue(database: Database) -> None:
    ask(database, ["audit", "held", "audit"])
    (rita,) = people(database, "rita")
    answer(database, leased(database, rita), rita)
    with database.read() as session:
        state = reviews.queue(session, later(seconds=100))
        tomorrow = reviews.queue(session, later(days=1))
    assert (state.open_by_lane, state.open, state.settled) == ({"audit": 2}, 2, 1)
    assert (state.oldest, tomorrow.settled) == (NOW, 0)


def test_an_empty_queue_has_no_oldest(database: Database) -> None:
    with database.read() as session:
        state = reviews.queue(session, NOW)
        assert (state.open, state.oldest) == (0, None)
        with pytest.raises(NotFound):
            reviews.get(session, "nothing")

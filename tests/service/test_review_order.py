"""In which order the two answers of a disagreement stand before a reader: drawn, and telling nothing."""

from datetime import date, timedelta

from scipy.stats import binom

from service import reviewing
from service.clock import wall_clock
from store.tables import Person
from tests.service import rows
from tests.service.browsing import Browser
from tests.service.serving import Serving

DAY = date(2026, 3, 2)
KEYS = [("1", "black"), ("2", "grizzly"), ("3", "teddy")]


def test_each_answer_stands_first_half_of_the_time_whoever_reads_and_when() -> None:
    """2,000 days of people; beyond these bounds a fair draw comes once in a million."""
    turned = [
        reviewing.from_the_end("k" * 40, f"person {number}", DAY + timedelta(days=day))
        for number in range(20)
        for day in range(100)
    ]
    low, high = binom.ppf(5e-7, 2000, 0.5), binom.isf(5e-7, 2000, 0.5)
    assert low <= sum(turned) <= high
    # and not one order for each person, nor one for each day
    assert all(0 < sum(turned[100 * one : 100 * one + 100]) < 100 for one in range(20))
    assert all(0 < sum(turned[one::100]) < 20 for one in range(100))


def test_a_list_from_its_end_keeps_the_keys_of_its_classes(served: Serving) -> None:
    with served.database.write() as session:
        rows.version(session)
    rows.ask(served.database, 1)
    key = served.program.settings.store.secret_key
    for number in range(4):
        days = [wall_clock().date()]
        page = Browser(served, f"reader {number}").page("/review")
        days.append(wall_clock().date())
        told = [one.attributes for one in page.all("button", data_kind="class")]
        order = [(one["data-key"], one["data-label"]) for one in told]
        with served.database.read() as session:
            reader = session.query(Person).filter(Person.name == f"reader {number}").one().id
        assert order in [
            KEYS[::-1] if reviewing.from_the_end(key, reader, day) else KEYS for day in days
        ]

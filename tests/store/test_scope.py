"""Where a candidate may answer: what a scope refuses to be, what it covers at which moment, and what it is called.

Bounds are two-sided binomial with an error of one in a million; key, ids and moments are fixed.
"""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from scipy.stats import binom

from store import scope
from store.errors import Invalid
from store.scope import NOWHERE, Requested, drawn, parse

KEY = "k" * 32
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
SHOP = Requested("shop", "zoo", "bruno")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"planets": ["mars"]}, "knows no planets"),
        ({"consumers": "shop"}, "must be a list"),
        ({"segments": [""]}, "names of 1 to 200"),
        ({"subjects": [1]}, "names of 1 to 200"),
        ({"days": ["someday"], "zone": "UTC"}, "no day 'someday'"),
        ({"days": ["monday"]}, "say the zone"),
        ({"times": [["08:00", "18:00"]]}, "say the zone"),
        ({"times": [["8", "18:00"]], "zone": "UTC"}, "no time of day"),
        ({"times": [["08:00", "24:00"]], "zone": "UTC"}, "no time of day"),
        ({"times": [["08:00"]], "zone": "UTC"}, "pairs"),
        ({"times": [["08:00", "08:00"]], "zone": "UTC"}, "is empty"),
        ({"zone": "Middle/Earth"}, "no time zone"),
        ({"zone": "../../etc/passwd"}, "no time zone"),
        ({"zone": 7}, "no time zone"),
        ({"expires_at": "tomorrow"}, "no moment"),
        ({"expires_at": "2026-05-01T18:00:00"}, "needs its zone"),
        ({"share": 0}, "above 0 and at most 1"),
        ({"share": 1.01}, "above 0 and at most 1"),
        ({"share": True}, "above 0 and at most 1"),
        ({"share": float("nan")}, "above 0 and at most 1"),
        ({"hold_seconds": 0, "at_limit": "people"}, "whole number from 1"),
        # longer than a calendar: no answer could be kept any more
        ({"hold_seconds": 10**12, "at_limit": "people"}, "whole number from 1"),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, "no moment"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "no moment"),
        ({"zone": "localtime", "days": ["monday"]}, "must have a name"),
        ({"times": [["08:00", "18:00"]] * 101, "zone": "UTC"}, "at most 100"),
        ({"hold_seconds": 60}, "says at_limit"),
        ({"hold_seconds": 60, "at_limit": "nobody"}, "says at_limit"),
        ({"at_limit": "people"}, "needs hold_seconds"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(
    given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence) as refused:
        parse(given)
    assert refused.value.code == "scope"
    assert not scope.kept(given).covers(SHOP, NOON)


def test_what_was_written_is_kept_and_read_back() -> None:
    given = {
        "consumers": ["shop"], "segments": ["farm", "zoo"], "subjects": ["bruno"],
        "days": ["monday", "friday"], "times": [["08:00", "12:30"], ["22:00", "06:00"]],
        "zone": "Europe/Berlin", "expires_at": "2026-05-01T18:00:00+02:00", "share": 0.25,
        "hold_seconds": 3600, "at_limit": "incumbent",
    }  # fmt: skip
    parsed = parse(given)
    assert parse(parsed.as_kept()) == parsed
    assert parsed.as_kept() == {**given, "expires_at": "2026-05-01T16:00:00+00:00"}
    assert scope.words(parsed) == (
        "Consumer shop, segments farm and zoo, subject bruno, 25 % of them, on Monday and Friday,"
        " 08:00 to 12:30 and 22:00 to 06:00 (Europe/Berlin time), until 2026-05-01 16:00 UTC;"
        " each answer waits up to 1 h for a person, then the answer of the model before is given."
    )
    assert scope.words(parse({})) == "Every request."


def test_every_condition_must_hold_and_what_is_missing_is_outside() -> None:
    narrow = parse({"consumers": ["shop"], "segments": ["zoo"], "subjects": ["bruno"]})
    assert narrow.covers(SHOP, NOON)
    for outside in (
        Requested("bank", "zoo", "bruno"), Requested("shop", "farm", "bruno"),
        Requested("shop", "zoo", "berta"), Requested("shop", None, "bruno"),
        Requested("shop", "zoo", None), Requested("", None, None),
    ):  # fmt: skip
        assert not narrow.covers(outside, NOON), outside
    assert not NOWHERE.covers(SHOP, NOON)


def test_it_ends_at_the_moment_that_was_written() -> None:
    until = parse({"expires_at": NOON.isoformat()})
    assert until.covers(SHOP, NOON - timedelta(microseconds=1))
    assert not until.covers(SHOP, NOON)


def test_a_night_belongs_to_the_day_on_which_it_began() -> None:
    nights = parse({"days": ["friday"], "times": [["22:00", "06:00"]], "zone": "UTC"})
    friday = datetime(2026, 3, 6, tzinfo=UTC)
    for hours, inside in (
        (5, False),
        (21, False),
        (22, True),
        (29, True),
        (30, False),
        (46, False),
    ):
        assert nights.covers(SHOP, friday + timedelta(hours=hours)) is inside, hours


@pytest.mark.parametrize(
    ("day", "utc_hours"),
    [
        (datetime(2026, 3, 29, tzinfo=UTC), [0, 3]),  # the hour from 02:00 is left out
        (datetime(2026, 10, 25, tzinfo=UTC), [0, 1, 2, 4]),  # the hour from 02:00 comes twice
    ],
)
def test_a_local_window_follows_the_wall_clock_over_a_clock_change(
    day: datetime, utc_hours: list[int]
) -> None:
    early = parse({"times": [["02:00", "03:00"], ["05:00", "06:00"]], "zone": "Europe/Berlin"})
    found = [
        hour for hour in range(6) if early.covers(SHOP, day + timedelta(hours=hour, minutes=30))
    ]
    expected = [
        hour
        for hour in range(6)
        if (day + timedelta(hours=hour, minutes=30)).astimezone(ZoneInfo("Europe/Berlin")).hour
        in (2, 5)
    ]
    assert found == expected
    assert len(found) == {3: 1, 10: 3}[day.month]
    assert set(found) <= set(utc_hours)


def test_nobody_out_of_scope_and_no_flip_in_random_requests() -> None:
    """Against a second reading of the same scope, minute by minute, over both clock changes of a year."""
    chance = random.Random(5)  # noqa: S311  # it must be the same each time
    zone = ZoneInfo("Europe/Berlin")
    limited = parse(
        {
            "consumers": ["shop", "bank"], "segments": ["zoo", "farm"], "days": ["sunday", "monday"],
            "times": [["01:30", "03:15"], ["23:00", "00:30"]], "zone": "Europe/Berlin",
            "expires_at": "2026-11-01T00:00:00+01:00", "share": 0.3,
        }
    )  # fmt: skip
    starts = (datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC))
    inside, seen = 0, dict[str, bool]()
    for _ in range(60_000):
        at = chance.choice(starts) + timedelta(seconds=chance.randrange(10 * 86_400))
        subject = chance.choice((None, f"s{chance.randrange(500)}"))
        asked = Requested(
            chance.choice(("shop", "bank", "toy")), chance.choice((None, "zoo", "farm", "lab")), subject
        )  # fmt: skip
        local = at.astimezone(zone)
        minute, day = 60 * local.hour + local.minute, local.weekday()
        open_now = (
            (90 <= minute < 195 and day in (6, 0))
            or (minute >= 1380 and day in (6, 0))
            or (minute < 30 and day in (0, 1))
        )
        by_hand = (
            asked.consumer != "toy"
            and asked.segment in ("zoo", "farm")
            and open_now
            and at < datetime(2026, 10, 31, 23, tzinfo=UTC)
        )
        assert limited.covers(asked, at) is by_hand, (asked, at)
        inside += by_hand
        if subject is not None:
            now = drawn(KEY, "r1", subject, limited.share)
            assert seen.setdefault(subject, now) is now
            larger = [drawn(KEY, "r1", subject, share) for share in (0.05, 0.25, 0.5, 1.0)]
            assert larger == sorted(larger), "a growing share moved somebody back"
    assert inside > 500


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5])
def test_the_share_of_subjects_is_the_one_that_was_asked_for(share: float) -> None:
    trials = 50_000
    count = sum(drawn(KEY, "r1", f"subject-{number}", share) for number in range(trials))
    assert binom.ppf(5e-7, trials, share) <= count <= binom.isf(5e-7, trials, share)


def test_another_rollout_draws_other_subjects() -> None:
    trials = 20_000
    first = [one for one in range(trials) if drawn(KEY, "r1", str(one), 0.2)]
    both = sum(drawn(KEY, "r2", str(one), 0.2) for one in first)
    assert binom.ppf(5e-7, len(first), 0.2) <= both <= binom.isf(5e-7, len(first), 0.2)


def test_at_no_share_nobody_and_at_all_everybody() -> None:
    assert not any(drawn(KEY, "r", str(one), 0.0) for one in range(1000))
    assert all(drawn(KEY, "r", str(one), 1.0) for one in range(1000))

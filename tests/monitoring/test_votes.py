from monitoring.votes import Bursts, Shot
from tests.store.given import later


def test_the_same_picture_votes_once_however_late_it_comes_again() -> None:
    bursts = Bursts(60)
    assert [bursts.votes(Shot("a", None, later(days=day))) for day in (0, 1, 30)] == [
        True, False, False,
    ]  # fmt: skip


def test_a_burst_lasts_until_its_source_is_quiet() -> None:
    bursts = Bursts(60)
    moments = (0, 50, 100, 150, 211)
    votes = [bursts.votes(Shot(str(s), "camera", later(seconds=s))) for s in moments]
    assert votes == [True, False, False, False, True]


def test_sources_and_pictures_without_one_do_not_silence_each_other() -> None:
    bursts = Bursts(60)
    shots = [Shot("a", "one", later()), Shot("b", "two", later()), Shot("c", None, later())]
    assert all(bursts.votes(shot) for shot in shots)


def test_who_goes_on_from_rows_votes_as_who_saw_all() -> None:
    shots = [Shot(str(n % 7), f"s{n % 3}", later(seconds=25 * n)) for n in range(30)]
    whole = Bursts(60)
    expected = [whole.votes(shot) for shot in shots]
    first = Bursts(60)
    before = [first.votes(shot) for shot in shots[:15]]
    second = Bursts.after(60, first.seen, first.last)
    assert before + [second.votes(shot) for shot in shots[15:]] == expected

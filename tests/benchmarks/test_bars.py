"""How a benchmark ends, whatever happened in it."""

import json

import pytest

from tests.benchmarks.bars import Bar, ending

BARS = [Bar("lost"), Bar("kept_ratio", 0.85, at_least=True, fails=False)]


def last_line(capsys: pytest.CaptureFixture[str]) -> object:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_bar_about_speed_is_missed_and_fails_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with ending("lost", "kept_ratio") as end:
        end.figures |= {"lost": 0, "kept_ratio": 0.5}
        end.held_against(BARS, end.figures)
    told = {"lost": 0, "kept_ratio": 0.5, "missed": ["kept_ratio"], "failed": []}
    assert last_line(capsys) == told


def test_a_bar_about_what_must_be_right_fails_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"), ending("lost", "kept_ratio") as end:  # noqa: PT012  # its end raises
        end.figures |= {"lost": 1, "kept_ratio": 0.9}
        end.held_against(BARS, end.figures, "sqlite ")
    told = {"lost": 1, "kept_ratio": 0.9, "missed": ["sqlite lost"], "failed": ["sqlite lost"]}
    assert last_line(capsys) == told


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit("no"), KeyboardInterrupt()])
def test_what_raises_ends_with_every_key_and_is_named(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="1"), ending("lost", "kept_ratio") as end:  # noqa: PT012  # its end raises
        end.figures["lost"] = 0
        raise error
    told = {"lost": 0, "kept_ratio": None, "missed": [], "failed": [type(error).__name__]}
    assert last_line(capsys) == told


def test_what_a_machine_lacks_fails_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"), ending("lost") as end:
        end.lacks("PostgreSQL")
    assert last_line(capsys) == {"lost": None, "missed": [], "failed": ["no PostgreSQL"]}

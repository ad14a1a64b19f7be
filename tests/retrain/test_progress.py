from collections.abc import Callable
from io import StringIO
from itertools import count

from retrain.progress import Bar


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def ticking(step: float = 1.0) -> Callable[[], float]:
    ticks = count()
    return lambda: next(ticks) * step


def work(bar: Bar) -> None:
    for number in range(100):
        bar("train", number / 100, f"epoch {number // 25 + 1} of 4")
    bar("train", 1.0, "epoch 4 of 4")
    bar("export", 0.0, "writing")
    bar.close()


def test_a_log_gets_a_few_whole_lines() -> None:
    log = StringIO()
    work(Bar(ticking(), log))
    lines = log.getvalue().splitlines()
    assert len(lines) == 5
    assert all(line.startswith("train") for line in lines)
    assert "100%" in lines[-1]
    assert "epoch 4 of 4" in lines[-1]
    assert "\r" not in log.getvalue()


def test_a_terminal_gets_one_line_that_moves() -> None:
    terminal = Terminal()
    work(Bar(ticking(), terminal))
    said = terminal.getvalue()
    assert said.count("\n") == 2
    assert said.count("\r") == 102
    assert said.endswith("\n")
    # what a shorter line leaves behind is wiped
    long, short = "a long note", "short"
    bar = Bar(ticking(), terminal := Terminal())
    bar("train", 0.1, long)
    bar("train", 0.2, short)
    first, second = terminal.getvalue().removeprefix("\r").split("\r")
    assert len(second) == len(first)


def test_a_terminal_is_not_flooded() -> None:
    terminal = Terminal()
    work(Bar(ticking(0.01), terminal))
    assert terminal.getvalue().count("\r") < 15

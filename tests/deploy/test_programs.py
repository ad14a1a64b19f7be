"""Real programs, small ones; each writes into a folder what happened to it."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.programs import CannotStay, Patience, Programs

QUICK = Patience(pause=0.01, short_life=0.0, stop=5.0)

# says that it is there, and waits for its end
STAYS = """
import os, signal, sys
from pathlib import Path
def end(*_):
    print("ended in order", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
with Path(sys.argv[1]).open("a") as file:
    file.write(f"{os.getpid()}\\n")
print("is there", flush=True)
while True:
    signal.pause()
"""


def procfile(folder: Path, **programs: str) -> str:
    lines = []
    for name, text in programs.items():
        (folder / f"{name}.py").write_text(text)
        lines.append(f"{name}: {sys.executable} {folder / name}.py {folder / name}.pids")
    return "\n".join(lines)


def lives(folder: Path, name: str) -> list[int]:
    path = folder / f"{name}.pids"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # one that has ended and that nobody has asked about yet is still listed
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def run_until(programs: Programs, reached: Callable[[], bool]) -> None:
    """Run, and ask for the end as soon as `reached` says so; it is asked after every printed line."""

    def look() -> None:
        if reached():
            programs.ask_to_stop()
        else:
            again = threading.Timer(0.02, programs.tell, [look])
            again.daemon = True
            again.start()

    programs.tell(look)
    programs.run()


def test_a_stop_lets_every_program_end_in_order(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    programs = Programs(procfile(tmp_path, one=STAYS, two=STAYS), {}, QUICK)
    run_until(programs, lambda: bool(lives(tmp_path, "one") and lives(tmp_path, "two")))
    assert capfd.readouterr().out.count("ended in order") == 2
    assert not any(is_alive(pid) for name in ("one", "two") for pid in lives(tmp_path, name))


def test_a_program_that_dies_is_started_again_and_the_other_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dies = STAYS.replace("while True:", "while len(Path(sys.argv[1]).read_text().split()) > 1:")
    programs = Programs(procfile(tmp_path, dies=dies, stays=STAYS), {}, QUICK)
    run_until(
        programs, lambda: len(lives(tmp_path, "dies")) == 2 and len(lives(tmp_path, "stays")) == 1
    )
    said = capfd.readouterr().out
    assert "dies ended by itself (exit code 0); it is started again." in said
    assert said.count("ended in order") == 2


def test_a_program_that_cannot_stay_up_ends_the_whole(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = procfile(tmp_path, fails="raise SystemExit('no such setting')", stays=STAYS)
    patience = Patience(pause=0.01, short_life=60.0, stop=5.0, lives=3)
    with pytest.raises(CannotStay, match=r"fails ended by itself \(exit code 1\) soon after each"):
        Programs(text, {}, patience).run()
    assert capfd.readouterr().out.count("no such setting") == 3
    assert not any(is_alive(pid) for pid in lives(tmp_path, "stays"))


def test_a_program_that_does_not_listen_is_killed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    deaf = STAYS.replace("signal.SIGTERM, end", "signal.SIGTERM, signal.SIG_IGN")
    patience = Patience(pause=0.01, short_life=0.0, stop=0.2)
    programs = Programs(procfile(tmp_path, deaf=deaf), {}, patience)
    run_until(programs, lambda: bool(lives(tmp_path, "deaf")))
    assert "deaf does not stop; it is killed." in capfd.readouterr().out
    assert not any(is_alive(pid) for pid in lives(tmp_path, "deaf"))


def test_what_a_killed_program_had_started_goes_with_it(tmp_path: Path) -> None:
    parent = """
import subprocess, sys
child = subprocess.Popen(["sleep", "600"])
open(sys.argv[1], "a").write(f"{child.pid}\\n")
"""
    programs = Programs(procfile(tmp_path, parent=parent), {}, QUICK)
    run_until(programs, lambda: len(lives(tmp_path, "parent")) > 1)
    assert not is_alive(lives(tmp_path, "parent")[0])


def test_programs_see_only_the_environment_they_are_given(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    says = STAYS.replace("is there", "knows {os.environ.get('URSA_PORT')}").replace(
        'print("knows', 'print(f"knows'
    )
    programs = Programs(procfile(tmp_path, says=says), {"URSA_PORT": "8123"}, QUICK)
    run_until(programs, lambda: bool(lives(tmp_path, "says")))
    assert "says | knows 8123" in capfd.readouterr().out

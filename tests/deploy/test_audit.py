"""The audit of dependencies against a database of advisories on loopback that speaks as osv.dev does."""

import json
import socket
import sys
import threading
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy import audit

AWAY = "http://127.0.0.1:9/v1/query"

ADVISORY: dict[str, Any] = {
    "id": "PYSEC-2026-1",
    "modified": "2026-03-02T12:00:00Z",
    "published": "2026-03-02T12:00:00Z",
    "summary": "made up",
    "aliases": [],
    "affected": [
        {
            "package": {"name": "worn", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}],
            "versions": ["1.0"],
        }
    ],
}


class Advisories(BaseHTTPRequestHandler):
    """Knows one bad version, and one that it fails at."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        bad = asked["package"]["name"] == "worn" and asked["version"] == "1.0"
        body = json.dumps({"vulns": [ADVISORY]} if bad else {}).encode()
        self.send_response(500 if asked["package"]["name"] == "cursed" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def osv() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def locked(folder: Path, *names: str) -> str:
    lines = [f"{name} \\\n    --hash=sha256:{'0' * 64}" for name in names]
    lock = folder / "lock.txt"
    lock.write_text("\n".join(lines) + "\n")
    return str(lock)


def test_a_version_with_an_advisory_fails_and_is_named(
    tmp_path: Path, osv: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(["--lock", locked(tmp_path, "sound==1.0", "worn==1.0"), "--osv", osv]) == 1
    assert capsys.readouterr().out == "worn 1.0: PYSEC-2026-1 (mended in 2.0)\n"


def test_versions_without_one_pass(
    tmp_path: Path, osv: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(["--lock", locked(tmp_path, "sound==1.0", "worn==2.0"), "--osv", osv]) == 0
    assert "No advisory is known" in capsys.readouterr().out


def test_an_accepted_advisory_is_passed_over_until_its_day_is_over(
    tmp_path: Path, osv: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--lock", locked(tmp_path, "worn==1.0"), "--osv", osv]
    last = date(2026, 3, 31)
    accepted = {"PYSEC-2026-1": audit.Accepted("nothing here calls it", last)}
    assert audit.main(words, accepted, last) == 0
    assert "No advisory is known" in capsys.readouterr().out
    after = last + timedelta(days=1)
    assert audit.main(words, accepted, after) == 1
    assert capsys.readouterr().out.startswith(
        "PYSEC-2026-1 was accepted until 2026-03-31 (nothing here calls it): mend it"
    )
    # known without asking anybody
    assert audit.main([*words[:2], "--osv", "http://127.0.0.1:9/v1/query"], accepted, after) == 1


def test_every_lock_that_is_installed_is_audited(
    tmp_path: Path, osv: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {Path(one).stem for one in audit.LOCKS} == {"development", "bootstrap"}
    (tmp_path / "other").mkdir()
    locks = [locked(tmp_path, "sound==1.0"), locked(tmp_path / "other", "worn==1.0")]
    assert audit.main(["--lock", *locks, "--osv", osv]) == 1
    assert capsys.readouterr().out == "worn 1.0: PYSEC-2026-1 (mended in 2.0)\n"


def test_a_machine_without_a_way_there_is_told_that_nothing_was_audited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(["--lock", locked(tmp_path, "sound==1.0"), "--osv", AWAY]) == 0
    framed = capsys.readouterr().out.splitlines()
    assert framed[1] == framed[-2] == "!" * 88
    assert framed[2] == f"!! Dependencies were NOT audited: {AWAY} cannot be reached."


def test_what_was_found_before_the_way_there_was_lost_fails(
    tmp_path: Path,
    osv: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask = audit.advisories

    def lost(lock: str, osv: str, accepted: Collection[str]) -> list[str]:
        return ask(lock, osv if "worn" in Path(lock).read_text() else AWAY, accepted)

    (tmp_path / "other").mkdir()
    locks = [locked(tmp_path, "worn==1.0"), locked(tmp_path / "other", "sound==1.0")]
    monkeypatch.setattr(audit, "advisories", lost)
    assert audit.main(["--lock", *locks, "--osv", osv]) == 1
    told = capsys.readouterr().out
    assert told.startswith("worn 1.0: PYSEC-2026-1 (mended in 2.0)\n")
    assert "NOT audited" in told


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("no lock", None, "invalid requirements input"),
        ("an empty lock", "", "names no version"),
        ("no lock at all", "sound ??? 1.0\n", ""),
        ("a version without its hash", "sound==1.0\n", "hash"),
        (
            "the database's own fault",
            "cursed==1.0 --hash=sha256:" + "0" * 64 + "\n",
            "ServiceError",
        ),
    ],
)
def test_an_audit_that_is_broken_fails_and_says_so(
    tmp_path: Path,
    osv: str,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str | None,
    why: str,
) -> None:
    lock = tmp_path / "lock.txt"
    if text is not None:
        lock.write_text(text)
    assert audit.main(["--lock", str(lock), "--osv", osv]) == 1, name
    told = capsys.readouterr().out
    assert told.startswith("Dependencies were NOT audited: the audit itself is broken (")
    assert why in told


def test_without_the_program_that_audits_it_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # a Python that knows no packages
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bare))
    assert audit.main(["--lock", locked(tmp_path, "sound==1.0"), "--osv", AWAY]) == 1
    assert "No module named pip_audit" in capsys.readouterr().out


@pytest.mark.parametrize("osv", ["no address", "ftp://127.0.0.1:9/v1/query"])
def test_an_address_that_can_be_none_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], osv: str
) -> None:
    assert audit.main(["--lock", locked(tmp_path, "sound==1.0"), "--osv", osv]) == 1
    assert "NOT audited" in capsys.readouterr().out


def test_who_does_not_answer_is_not_reached(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        closing = threading.Thread(target=lambda: silent.accept()[0].close())
        closing.start()
        osv = f"http://127.0.0.1:{silent.getsockname()[1]}/v1/query"
        code = audit.main(["--lock", locked(tmp_path, "sound==1.0"), "--osv", osv])
        closing.join()
    assert code == 0
    assert "cannot be reached" in capsys.readouterr().out

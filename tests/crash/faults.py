"""One row or one file made wrong in a world at rest: each kind of thing that the judge counts, and what it finds then."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.crash.load import Ledger
from tests.crash.world import World


@dataclass
class Copy:
    """A copy of that world to do harm to; what refers to a row that is taken away is left as it is."""

    world: World
    ledger: Ledger
    rows: sqlite3.Connection

    def do(self, statement: str, *values: object) -> None:
        """Change exactly one row."""
        assert self.rows.execute(statement, values).rowcount == 1, statement

    def one(self, query: str, *values: object) -> str:
        """What a query finds first."""
        return str(self.rows.execute(query, values).fetchone()[0])

    def add_like(self, table: str, identity: str, **changes: object) -> None:
        """A row like another one but for these columns."""
        self.rows.row_factory = sqlite3.Row
        row = dict(
            self.rows.execute(f"SELECT * FROM {table} WHERE id = ?", (identity,)).fetchone()  # noqa: S608  # names of ours
        )
        self.rows.row_factory = None
        row |= changes
        self.do(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", *row.values())  # noqa: S608  # names of ours


def _last(copy: Copy) -> tuple[str, str]:
    """Id and picture of an answer that no other request has the picture of, and that no window has."""
    pictures = [one.digest for one in copy.ledger.told]
    newest = max(
        (json.loads(one.body)["id"], one.digest)
        for one in copy.ledger.told
        if pictures.count(one.digest) == 1 and one.key is not None
    )
    return newest[0], newest[1]


def _row_gone(copy: Copy) -> None:
    # told, and not there: its picture is counted, and no window misses it
    one = copy.ledger.told[0]
    body = json.dumps({**json.loads(one.body), "id": "01900000-0000-7000-8000-000000000000"})
    copy.ledger.told.append(replace(one, number=9_999_999, key=None, body=body.encode()))


def _picture_gone(copy: Copy) -> None:
    _file(copy).unlink()


def _picture_altered(copy: Copy) -> None:
    data = bytearray(_file(copy).read_bytes())
    data[len(data) // 2] ^= 1
    _file(copy).write_bytes(bytes(data))


def _file(copy: Copy) -> Path:
    digest = _last(copy)[1]
    [file] = [one for one in copy.world.storage.rglob("*") if one.is_file() and digest in one.name]
    return file


def _other_label(copy: Copy) -> None:
    copy.do(
        "UPDATE predictions SET answer = CASE answer WHEN 'bear' THEN 'teddy' ELSE 'bear' END"
        " WHERE id = ?",
        _last(copy)[0],
    )


def _other_request(copy: Copy) -> None:
    copy.do("UPDATE predictions SET reference = 'r-9999999' WHERE id = ?", _last(copy)[0])


def _other_picture(copy: Copy) -> None:
    # of a prediction whose own picture came twice, so that as many are counted
    ours, other = _last(copy)
    pictures = [one.digest for one in copy.ledger.told]
    one = next(one for one in copy.ledger.told if pictures.count(one.digest) > 1)
    body = json.loads(one.body)["id"]
    assert body != ours
    copy.do("UPDATE predictions SET picture_digest = ? WHERE id = ?", other, body)


def _doubled(copy: Copy) -> None:
    # of no model's: nothing else counts it
    copy.add_like("predictions", _last(copy)[0], id="doubled", model_version_id=None)


def _other_answer(copy: Copy) -> None:
    copy.do("UPDATE idempotency_keys SET answer = ? WHERE prediction_id = ?", b"{}", _last(copy)[0])


def _answer_gone(copy: Copy) -> None:
    copy.do("DELETE FROM idempotency_keys WHERE prediction_id = ?", _last(copy)[0])


def _replay_differed(copy: Copy) -> None:
    copy.ledger.replays_differing += 1


def _compared_twice(copy: Copy) -> None:
    copy.add_like("backtests", copy.one("SELECT id FROM backtests"), id="twice")


def _compared_never(copy: Copy) -> None:
    copy.do("DELETE FROM backtests")


def _of_another_version(copy: Copy) -> None:
    # as many as there should be, and of the wrong one: one too many and one too few
    copy.do("UPDATE backtests SET model_version_id = against_id")


def _window_of_no_job(copy: Copy) -> None:
    copy.do(
        "UPDATE jobs SET kind = 'other' WHERE id ="
        " (SELECT id FROM jobs WHERE kind = 'window' AND status = 'done' LIMIT 1)"
    )


def _failed(copy: Copy) -> None:
    identity = copy.one("SELECT id FROM jobs WHERE kind = 'backtest'")
    copy.add_like("jobs", identity, id="failed", status="failed")


def _never_done(copy: Copy) -> None:
    identity = copy.one("SELECT id FROM jobs WHERE kind = 'backtest'")
    copy.add_like("jobs", identity, id="waits", status="todo")


_NEWEST = (
    "SELECT id FROM windows WHERE kind = 'count' AND segment = '' ORDER BY last_prediction_id DESC"
)


def _window_of_more(copy: Copy) -> None:
    copy.do("UPDATE windows SET pictures = pictures + 1 WHERE id = ?", copy.one(_NEWEST))


def _window_left_out(copy: Copy) -> None:
    copy.do("DELETE FROM windows WHERE id = ?", copy.one(f"{_NEWEST} LIMIT 1 OFFSET 1"))


def _window_due(copy: Copy) -> None:
    copy.do("DELETE FROM windows WHERE id = ?", copy.one(_NEWEST))


def _overlapping(copy: Copy) -> None:
    newest, before = copy.one(_NEWEST), copy.one(f"{_NEWEST} LIMIT 1 OFFSET 1")
    last = copy.one("SELECT last_prediction_id FROM windows WHERE id = ?", before)
    copy.do(
        "UPDATE windows SET first_prediction_id = ?, pictures = pictures + 1 WHERE id = ?",
        last,
        newest,
    )


def _read_twice(copy: Copy) -> None:
    _detector(copy, "seen = seen + 1")


def _unread(copy: Copy) -> None:
    _detector(copy, "last_prediction_id = 'elsewhere'")


def _detector(copy: Copy, change: str) -> None:
    copy.do(
        f"UPDATE detectors SET {change} WHERE stream = '' AND model_version_id ="  # noqa: S608  # words of ours
        " (SELECT model_version_id FROM detectors WHERE stream = '' ORDER BY seen DESC LIMIT 1)"
    )


def _awaited_and_heard(copy: Copy) -> None:
    copy.do(
        "INSERT INTO awaited_shadows (prediction_id, model_version_id)"
        " SELECT prediction_id, model_version_id FROM shadow_answers"
        " WHERE prediction_id NOT IN (SELECT prediction_id FROM awaited_shadows) LIMIT 1"
    )


def _concluded_otherwise(copy: Copy) -> None:
    copy.do(
        "UPDATE decisions SET verdict = 'advance' WHERE id ="
        " (SELECT id FROM decisions ORDER BY id DESC LIMIT 1)"
    )


FAULTS: list[tuple[Callable[[Copy], None], dict[str, int]]] = [
    (_row_gone, {"lost": 1}),
    (_picture_gone, {"lost": 1}),
    (_picture_altered, {"lost": 1}),
    (_other_label, {"lost": 1}),
    (_other_request, {"lost": 1}),
    (_other_picture, {"lost": 1}),
    (_doubled, {"doubled": 1}),
    (_other_answer, {"replays_differing": 1}),
    (_answer_gone, {"replays_differing": 1}),
    (_replay_differed, {"replays_differing": 1}),
    (_compared_twice, {"jobs_twice": 1}),
    (_compared_never, {"jobs_twice": 1}),
    (_of_another_version, {"jobs_twice": 2}),
    (_window_of_no_job, {"jobs_twice": 1}),
    (_failed, {"jobs_failed": 1}),
    (_never_done, {"jobs_failed": 1}),
    (_window_of_more, {"window_gaps": 1}),
    # each of the predictions that are in no window
    (_window_left_out, {"window_gaps": 40}),
    (_window_due, {"window_gaps": 1}),
    (_overlapping, {"window_gaps": 1}),
    (_read_twice, {"evidence_gaps": 1}),
    (_unread, {"evidence_gaps": 1}),
    (_awaited_and_heard, {"evidence_gaps": 1}),
    (_concluded_otherwise, {"decisions_differing": 1}),
]

"""One file that holds a whole database as of one moment, written while everything goes on.

SQLite's is a database by itself, PostgreSQL's is what `pg_dump` writes. Either can be asked which pictures and bundles
it names before it is loaded; it is loaded into an empty place only, and is there whole or not at all.
"""

import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from sqlalchemy import inspect, make_url

from store import durable, embedded, room
from store.database import Database
from store.errors import Conflict, Invalid, Unavailable

SQLITE, POSTGRESQL = "database.sqlite", "database.dump"

# what of a dump is asked for: a column by its table
_NAMED = {"pictures": "digest", "bundles": "digest", "consumers": "id"}


def name_for(url: str) -> str:
    """What the dump of such a database is called."""
    return SQLITE if _is_sqlite(url) else POSTGRESQL


def write(url: str, file: Path) -> None:
    """Dump the database. Raises Unavailable, Invalid where `pg_dump` is missing or the database is broken."""
    if _is_sqlite(url):
        _copy_sqlite(Path(make_url(url).database or ""), file)
        # a broken one would take the place of a good one
        _check_sqlite(file)
        return
    # without sign-ins: however a restore ends, it revives none
    _postgresql(
        url, "pg_dump", "--format=custom", "--no-owner", "--exclude-table-data=sign_ins",
        f"--file={file}",
    )  # fmt: skip


def check(file: Path) -> None:
    """Raises Invalid for a dump that cannot be read to its end. A letter that has changed inside a text is not noticed."""
    if file.name == POSTGRESQL:
        _read_dump(file)
    else:
        _check_sqlite(file)


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """The tables `pictures` and `bundles` (digest) and `consumers` (id) of a dump, to be asked. Raises Invalid."""
    if file.name != POSTGRESQL:
        with _reading(file) as names:
            yield names
        return
    # a temporary file of SQLite's own, as long as the list of pictures is
    with closing(sqlite3.connect("")) as names:
        with room.told("temporary folder"):
            for table, column in _NAMED.items():
                names.execute(f"CREATE TABLE {table} ({column} TEXT PRIMARY KEY) WITHOUT ROWID")
                names.executemany(
                    f"INSERT INTO {table} VALUES (?)",  # noqa: S608 - names of our own
                    _column(file, table, column),
                )
        yield names


def pictures(names: sqlite3.Connection) -> Iterator[str]:
    """The digest of every picture that has a row, in their order."""
    return (digest for (digest,) in names.execute("SELECT digest FROM pictures ORDER BY digest"))


def bundles(names: sqlite3.Connection) -> list[str]:
    """The digest of every bundle that has a row."""
    return [digest for (digest,) in names.execute("SELECT digest FROM bundles ORDER BY digest")]


def names_any(names: sqlite3.Connection) -> bool:
    """Whether there is any picture or bundle."""
    return next(pictures(names), None) is not None or bool(bundles(names))


def has_picture(names: sqlite3.Connection, digest: str) -> bool:
    """Whether a picture has a row."""
    return bool(names.execute("SELECT 1 FROM pictures WHERE digest = ?", (digest,)).fetchone())


def same_origin(one: sqlite3.Connection, other: sqlite3.Connection) -> bool:
    """Whether two dumps can be of the same database: consumers are never removed, and their ids are drawn."""
    known, there = (
        {identity for (identity,) in names.execute("SELECT id FROM consumers")}
        for names in (one, other)
    )
    return not known or bool(known & there)


def check_empty(url: str) -> None:
    """Raises Conflict unless the database is empty, and nothing of an older one lies beside it."""
    path = Path(make_url(url).database or "")
    if _is_sqlite(url):
        embedded.check_alone(path)
        if not path.exists():
            return
    database = Database(url)
    try:
        tables = inspect(database.engine).get_table_names()
    finally:
        database.dispose()
    if tables:
        raise Conflict(
            "The database is not empty: a backup is brought back into an empty one only."
        )


def load(file: Path, url: str, finish: Callable[[Database], None]) -> None:
    """Make the empty database at `url` what the dump holds. `finish` may change it: on SQLite before it is there, on
    PostgreSQL right after. Raises Conflict where it is not empty, Invalid for a broken dump, Unavailable.
    """
    if not _is_sqlite(url):
        _postgresql(
            url, "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", str(file)
        )
        _finished(url, finish)
        return
    path = Path(make_url(url).database or "")
    durable.make_folder(path.parent)
    with durable.workplace(path.parent, ".restoring-") as folder:
        made = folder / path.name
        shutil.copyfile(file, made)
        _check_sqlite(made)
        _finished(f"sqlite:///{made}", finish)
        # it may have come into being meanwhile
        check_empty(url)
        for one in (made, path):
            if embedded.beside(one):
                raise Unavailable(f"{one} is in use by another program.", "database_unavailable")
        durable.put_in_place(made, path)


def _finished(url: str, finish: Callable[[Database], None]) -> None:
    database = Database(url)
    try:
        finish(database)
    finally:
        database.dispose()


def _is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


def _copy_sqlite(path: Path, file: Path) -> None:
    where = f"{path.absolute().as_uri()}?mode=rw"  # a file that is missing is not made
    try:
        with (
            room.told("backup"),
            closing(sqlite3.connect(where, uri=True)) as here,
            closing(sqlite3.connect(file)) as there,
        ):
            # in one step: it reads one moment of the log, and no writer waits for it. Between two steps a commit
            # of another connection would begin the copy anew, and under load it would never end
            here.backup(there, pages=-1)
    except sqlite3.DatabaseError as error:
        raise Unavailable(f"{path} cannot be copied: {error}.", "backup_failed") from error


def _check_sqlite(file: Path) -> None:
    with _reading(file) as here:
        (found,) = here.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise Invalid(f"{file} is broken: {found}.")


@contextmanager
def _reading(file: Path) -> Iterator[sqlite3.Connection]:
    # immutable: nothing is made beside it, so that it may lie where nobody can write
    where = f"{file.absolute().as_uri()}?immutable=1"
    try:
        with closing(sqlite3.connect(where, uri=True)) as names:
            yield names
    except sqlite3.DatabaseError as error:
        raise Invalid(f"{file} is broken: {error}.") from error


def _column(file: Path, table: str, column: str) -> Iterator[tuple[str]]:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as rows:
        _read_dump(file, "--data-only", f"--table={table}", output=rows)
        rows.seek(0)
        place = None
        for line in rows:
            if line.startswith("COPY "):
                place = line[line.index("(") + 1 : line.index(")")].split(", ").index(column)
            elif line.startswith("\\."):
                place = None
            elif place is not None:
                yield (line.rstrip("\n").split("\t")[place],)


def _read_dump(file: Path, *words: str, output: IO[str] | None = None) -> None:
    try:
        _run(["pg_restore", *words, "--file=-", str(file)], output)
    except Unavailable as error:
        raise Invalid(f"{file} is broken: {error}") from error


def _postgresql(url: str, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs on a database; the password is not among the words that others can see."""
    where = make_url(url).set(drivername="postgresql")
    with tempfile.NamedTemporaryFile("w", prefix="ursa-") as file:  # mode 0600
        if where.password:
            secret = re.sub(r"([:\\])", r"\\\1", str(where.password))
            file.write(f"*:*:*:*:{secret}\n")
            file.flush()
            # `set(password=None)` would leave it as it is
            where = where._replace(password=None).update_query_dict({"passfile": file.name})
        plain = where.render_as_string(hide_password=False)
        _run([program, *arguments, f"--dbname={plain}"])


def _run(command: list[str], output: IO[str] | None = None) -> None:
    program, *words = command
    path = shutil.which(program)
    if path is None:
        raise Invalid(f"{program} is not on the PATH: install PostgreSQL's client programs.")
    done = subprocess.run(
        [path, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if output is None else output,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no word of why"]
        raise Unavailable(f"{program} failed: {said[-1]}", "backup_failed")

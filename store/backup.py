"""Copy a database with its pictures and bundles into a folder, and bring it back into an empty place.

The database is copied first, as of one moment, while everything goes on; then the bytes that its rows name. Bytes
come before rows, so whatever a copied row names is there by then. Every file is compared with its digest on the way:
what was altered is copied in neither direction, and told. A folder that holds an older backup is brought up
to date: bytes under a digest never change and are copied once. The copy of the database replaces the older one last
of all, so that a backup that breaks off leaves the one before as it was.
"""

import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import inspect, make_url

from store import scrub
from store.database import Database
from store.errors import Conflict, Invalid, NotFound, Unavailable
from store.objects import Objects
from store.pictures import PictureStore, key_of
from store.scrub import Fault

STORAGE = "storage"
SQLITE, POSTGRESQL = "database.sqlite", "database.dump"


@dataclass(frozen=True)
class Copied:
    """How many pictures and bundles a backup holds; `gone`: keys that rows name and the storage did not have, `altered`:
    those under which it had something else. Neither is in the copy."""

    pictures: int
    bundles: int
    gone: tuple[str, ...]
    altered: tuple[str, ...] = ()


def save(url: str, storage_url: str, folder: Path) -> Copied:
    """Back up into `folder`. Raises Unavailable, Invalid where `pg_dump` is missing."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    source, target = Objects(storage_url), Objects(str(folder / STORAGE))
    database = Database(url, wait_seconds=30.0)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".coming-") as name:
        try:
            kept = Path(name) / (SQLITE if database.is_sqlite else POSTGRESQL)
            if database.is_sqlite:
                _copy_sqlite(database, kept)
                # from the copy, which knows no later rows
                rows = Database(f"sqlite:///{kept}")
                copied = _copy_bytes(rows, source, target)
                rows.dispose()
            else:
                _dump(url, kept)
                copied = _copy_bytes(database, source, target)
        finally:
            database.dispose()
        _durably(kept, folder / kept.name)
    return copied


def restore(folder: Path, url: str, storage_url: str) -> Copied:
    """Bring a backup back. Raises Conflict unless the database is empty, Invalid for a folder without a backup."""
    is_sqlite = make_url(url).get_backend_name() == "sqlite"
    kept = folder / (SQLITE if is_sqlite else POSTGRESQL)
    if not kept.is_file():
        raise Invalid(
            f"There is no {kept.name} in {folder}: it holds no backup of such a database."
        )
    _check_empty(url)
    source, target = Objects(str(folder / STORAGE)), Objects(storage_url)
    if is_sqlite:
        rows = Database(f"sqlite:///{kept}")
        copied = _copy_bytes(rows, source, target, anew=True)
        rows.dispose()
        path = Path(make_url(url).database or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".coming-") as name:
            shutil.copyfile(kept, Path(name) / path.name)
            _durably(Path(name) / path.name, path)
        return copied
    _postgresql(
        url, "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", str(kept)
    )
    database = Database(url)
    copied = _copy_bytes(database, source, target, anew=True)
    database.dispose()
    return copied


def _copy_sqlite(database: Database, target: Path) -> None:
    path = make_url(database.url).database or ""
    with closing(sqlite3.connect(path)) as here, closing(sqlite3.connect(target)) as there:
        # SQLite's own online copy: writers go on meanwhile
        here.backup(there, pages=4096)


def _dump(url: str, target: Path) -> None:
    _postgresql(url, "pg_dump", "--format=custom", "--no-owner", f"--file={target}")


def _copy_bytes(rows: Database, source: Objects, target: Objects, *, anew: bool = False) -> Copied:
    pictures, kept = 0, PictureStore(source)
    faults: list[Fault | None] = []
    for digest in scrub.pictures(rows):
        fault = _copy(partial(kept.read, digest), target, key_of(digest), digest, anew=anew)
        pictures += fault is None
        faults.append(fault)
    bundles = scrub.bundles(rows)
    for digest in bundles:
        try:
            files = scrub.bundle_files(source, digest)
        except NotFound:
            faults.append(Fault(f"bundles/{digest}/manifest.json", "missing"))
            continue
        except ValueError:
            faults.append(Fault(f"bundles/{digest}/manifest.json", "altered"))
            continue
        faults += [
            _copy(partial(source.get, key), target, key, expected, anew=anew)
            for key, expected in files.items()
        ]
    found = [one for one in faults if one is not None]
    gone = tuple(one.key for one in found if one.what == "missing")
    altered = tuple(one.key for one in found if one.what == "altered")
    return Copied(pictures, len(bundles), gone, altered)


def _copy(
    read: Callable[[], bytes], target: Objects, key: str, digest: str, *, anew: bool
) -> Fault | None:
    """What keeps a file from being in the copy. What an earlier backup has copied stays, unless it is to be `anew`."""
    there = target.folder is not None and (target.folder / key).is_file()
    if there and not anew:
        return None
    try:
        data = read()
    except NotFound:
        return Fault(key, "missing")
    if hashlib.sha256(data).hexdigest() != digest:
        return Fault(key, "altered")
    if there:
        # what lies under a key already is never written over
        target.remove(key)
    target.put(key, data)
    return None


def _check_empty(url: str) -> None:
    path = make_url(url).database
    if make_url(url).get_backend_name() == "sqlite" and not Path(path or "").exists():
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


def _postgresql(url: str, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs; the password is not among the words that others can see."""
    where = make_url(url).set(drivername="postgresql")
    with tempfile.NamedTemporaryFile("w", prefix="ursa-") as file:  # mode 0600
        if where.password:
            secret = re.sub(r"([:\\])", r"\\\1", str(where.password))
            file.write(f"*:*:*:*:{secret}\n")
            file.flush()
            # `set(password=None)` would leave it as it is
            where = where._replace(password=None).update_query_dict({"passfile": file.name})
        plain = where.render_as_string(hide_password=False)
        command = [_found(program), *arguments, f"--dbname={plain}"]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no word of why"]
        raise Unavailable(f"{program} failed: {said[-1]}", "backup_failed")


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise Invalid(f"{program} is not on the PATH: install PostgreSQL's client programs.")
    return path


def _durably(made: Path, place: Path) -> None:
    """Put a finished file in its place, so that it is there whole or not at all, whatever happens."""
    for path in (made, made.parent):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    made.replace(place)
    descriptor = os.open(place.parent, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)

"""Copy a database with its pictures and bundles into a folder, and bring it back into an empty place.

Saving, the database is copied first, as of one moment, while everything goes on; then the bytes that its rows name.
Bytes come before rows, so whatever a copied row names is there by then. The copy of the database replaces the older one
only then, and what the new one does not name goes last of all: a backup that breaks off leaves the one before as it
was. Bringing back, bytes come first and the database last: until all is there, it can be done again. Nobody makes a
backup meanwhile, and nobody brings one back or reads it while it is made.

Every file that is copied is compared with its digest on the way: what was altered is copied in neither direction, and
told. What a backup holds already is not read again when the next is made; `check` reads all of it.

A backup takes away what is nobody else's to read, so it is on record before anything is read, also where it breaks off.
A database that cannot be written is backed up all the same, since that may be when a backup is needed most: then the
copy says that it is on no record.
"""

import fcntl
import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from store import access, dumps, durable, privileged_acts, room, scrub
from store.database import Database
from store.errors import Conflict, Invalid, NotFound, StoreError
from store.objects import MARKS, Objects
from store.pictures import PictureStore, key_of
from store.rollout_events import Actor
from store.scrub import Fault

STORAGE, LOCK = "storage", "backup.lock"


@dataclass(frozen=True)
class Copied:
    """How many pictures and bundles a backup holds; `gone`: keys that rows name and the storage did not have, `altered`:
    those under which it had something else. Neither is in the copy. `off_record`: why the act is not in the trail."""

    pictures: int
    bundles: int
    gone: tuple[str, ...]
    altered: tuple[str, ...] = ()
    off_record: str | None = None


def save(url: str, storage_url: str, folder: Path, actor: Actor, now: datetime) -> Copied:
    """Back up into `folder`, with the act on record. Raises Conflict where something else is kept there or another
    backup is on its way, Unavailable, Invalid where `pg_dump` is missing or the database is broken.
    """
    _check_is_for_backups(folder)
    with room.told("backup"):
        durable.make_folder(folder, mode=0o700)
        with _alone(folder), durable.workplace(folder, ".coming-") as coming:
            made = coming / dumps.name_for(url)
            off_record = _record(url, folder, actor, now)
            dumps.write(url, made)
            with dumps.opened(made) as names:
                _check_same_origin(folder, made.name, names)
                # one that is away must not look as if everything were gone
                source = Objects(storage_url, there=dumps.names_any(names))
                target = Objects(str(folder / STORAGE), name="backup")
                copied = _copy_bytes(names, source, target)
                durable.put_in_place(made, folder / made.name)
                _forget(names, folder / STORAGE)
    return replace(copied, off_record=off_record)


def restore(folder: Path, url: str, storage_url: str, actor: Actor, now: datetime) -> Copied:
    """Bring a backup back, with every sign-in ended and the act on record. Raises Conflict unless the database is
    empty, or while the backup is made, Invalid for a folder without one or with a broken one, Unavailable.
    """
    kept = folder / dumps.name_for(url)
    if not kept.is_file():
        raise Invalid(
            f"There is no {kept.name} in {folder}: it holds no backup of such a database."
        )
    dumps.check_empty(url)
    with _unchanged(folder):
        return _bring_back(folder, kept, url, storage_url, actor, now)


def _bring_back(
    folder: Path, kept: Path, url: str, storage_url: str, actor: Actor, now: datetime
) -> Copied:
    with dumps.opened(kept) as names:
        target, copied = Objects(storage_url), Copied(0, 0, ())
        if dumps.names_any(names):
            copied = _copy_bytes(names, _kept_in(folder), target, anew=True)

    def finish(database: Database) -> None:
        detail = {"pictures": copied.pictures, "bundles": copied.bundles}
        why = f"The backup in {folder} was brought back."
        with database.write() as session:
            access.end_sign_ins(session)
            privileged_acts.record(session, actor, "restore", "database", why, detail, now)

    dumps.load(kept, url, finish)
    return copied


def check(folder: Path) -> Iterator[Fault | None]:
    """One element for each file of a backup: None when it is right. Raises Invalid without a backup, or when the copy
    of the database is broken, Conflict while it is made.
    """
    kept = [folder / name for name in (dumps.SQLITE, dumps.POSTGRESQL)]
    dump = next((one for one in kept if one.is_file()), None)
    if dump is None:
        raise Invalid(f"There is no backup in {folder}.")
    with _unchanged(folder):
        dumps.check(dump)
        yield None
        with dumps.opened(dump) as names:
            if dumps.names_any(names):
                digests = dumps.pictures(names), dumps.bundles(names)
                yield from scrub.compare(*digests, _kept_in(folder))


def _kept_in(folder: Path) -> Objects:
    """The bytes of a backup, which may lie where nobody can write."""
    return Objects(str(folder / STORAGE), there=True, name="backup")


def _record(url: str, folder: Path, actor: Actor, now: datetime) -> str | None:
    """Why it could not be recorded, if it could not."""
    path = make_url(url).database or ""
    database = Database(url, pool_size=1)
    # the file of a database that is missing is not made: the copy says so
    if database.is_sqlite and not Path(path).is_file():
        return f"There is no {path}."
    why = f"A backup into {folder.absolute()} began."
    try:
        with database.write() as session:
            privileged_acts.record(session, actor, "backup", "database", why, {}, now)
    except StoreError as error:
        return str(error)
    except SQLAlchemyError as error:
        # read-only, without the table, or no database at all
        return str(getattr(error, "orig", error)).strip().partition("\n")[0]
    finally:
        database.dispose()
    return None


def _check_is_for_backups(folder: Path) -> None:
    """What is not named is removed from there: it must not be a storage that is in use."""
    stored = folder / STORAGE
    # of an older version, which has left no mark
    older = not (stored / MARKS["storage"]).exists() and any(
        (folder / name).exists() for name in (dumps.SQLITE, dumps.POSTGRESQL)
    )
    # an empty one is as far as a first backup came that was cut off
    is_new = not stored.exists() or next(stored.iterdir(), None) is None
    if not (is_new or older or (stored / MARKS["backup"]).exists()):
        raise Conflict(f"{stored} is not of a backup: name another folder.")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two at once would each take away what the other has just copied."""
    with (folder / LOCK).open("a") as lock:
        _hold(lock, fcntl.LOCK_EX, f"{folder} is in use by another backup, or is being read.")
        yield


@contextmanager
def _unchanged(folder: Path) -> Iterator[None]:
    """What a backup that is made meanwhile takes away would be missing."""
    try:
        lock = (folder / LOCK).open()
    except FileNotFoundError:
        # where nothing can be written, nobody makes one
        yield
        return
    with lock:
        _hold(
            lock, fcntl.LOCK_SH, f"A backup into {folder} is on its way: try again when it is done."
        )
        yield


def _hold(lock: IO[str], how: int, otherwise: str) -> None:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except OSError as error:
        raise Conflict(otherwise) from error


def _check_same_origin(folder: Path, name: str, names: sqlite3.Connection) -> None:
    other = Conflict(f"{folder} holds a backup of another database: name another folder.")
    for older in (dumps.SQLITE, dumps.POSTGRESQL):
        if not (folder / older).exists():
            continue
        if older != name:
            raise other
        # a broken one is of nobody's use, and is replaced
        with suppress(Invalid), dumps.opened(folder / older) as before:
            if not dumps.same_origin(before, names):
                raise other


def _copy_bytes(
    names: sqlite3.Connection, source: Objects, target: Objects, *, anew: bool = False
) -> Copied:
    pictures, kept = 0, PictureStore(source)
    faults: list[Fault | None] = []
    for digest in dumps.pictures(names):
        fault = _copy(partial(kept.read, digest), target, key_of(digest), digest, anew=anew)
        pictures += fault is None
        faults.append(fault)
    bundles = dumps.bundles(names)
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
    """What keeps a file from being in the copy. What an earlier backup has copied stays, unless it is to be compared
    `anew`.
    """
    there = target.folder is not None and (target.folder / key).is_file()
    if there and not anew:
        return None
    try:
        data = read()
    except NotFound:
        return Fault(key, "missing")
    if hashlib.sha256(data).hexdigest() != digest:
        return Fault(key, "altered")
    if there and target.get(key) != data:
        # what lies under a key already is never written over
        target.remove(key)
    target.put(key, data)
    return None


def _forget(names: sqlite3.Connection, stored: Path) -> None:
    """Remove what the copied database does not name: what retention has taken, and what a broken backup left."""
    bundles = set(dumps.bundles(names))
    for path in (one for one in stored.rglob("*") if one.is_file()):
        match path.relative_to(stored).parts:
            case ("pictures", _, digest) if dumps.has_picture(names, digest):
                continue
            case ("bundles", digest, *_) if digest in bundles and not path.name.startswith(".new-"):
                continue
        path.unlink()

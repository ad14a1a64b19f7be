"""One place for bytes, behind the interface of object stores: a folder, S3, GCS or Azure.

What `put` has returned survives a power cut. obstore's folder does not reach the disk by itself (it renames
without a sync), so in a folder the bytes are written, synced, renamed and the folder synced here.

A folder carries a mark: an empty folder in it, whose name says what it is. A disk that is not mounted leaves an empty
folder in its place, in which nothing must be kept or looked for; and what is a backup's must not be taken for a storage,
or the other way round.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from store import durable, room
from store.errors import NotFound, Unavailable

# by what the folder is told as
MARKS = {"storage": ".ursa-storage", "backup": ".ursa-backup"}
# what is being written, beside what it will be
_UNFINISHED = ".new-"
# keys that are told at once
_LISTED = 500
_KEY = re.compile(r"[a-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


@dataclass(frozen=True)
class Kept:
    """What is there under a key since when."""

    key: str
    at: datetime

    @property
    def name(self) -> str:
        """The last part of its key."""
        return self.key.rpartition("/")[2]

    @property
    def is_unfinished(self) -> bool:
        """Whether it is half of something that was never kept."""
        return self.name.startswith(_UNFINISHED)


class Objects:
    """Bytes by key. Keys are relative paths made by this system, never by a consumer."""

    def __init__(self, url: str, *, there: bool = False, name: str = "storage") -> None:
        """`url`: a folder (made if missing) or what obstore understands, such as `s3://bucket/prefix`.

        `there`: a folder that is missing or empty is away and not new; `name`: what it is, one of `MARKS`, as people are
        told. Raises Unavailable, also for a folder that is something else.
        """
        self._name = name
        self.folder: Path | None = None
        self._is_marked = False
        try:
            self._open(url, there)
        except (OSError, ValueError, BaseError) as error:
            raise Unavailable(
                f"The {name} {url} cannot be used: {_why(error)}.", "storage_unavailable"
            ) from error

    def _open(self, url: str, there: bool) -> None:
        if "://" in url and not url.startswith("file://"):
            self._store = from_url(url)
        else:
            self.folder = Path(url.removeprefix("file://")).absolute()
            if there:
                anew = f" If all is lost, make an empty folder {self.folder / MARKS[self._name]} to begin anew."
                if not self.folder.exists():
                    raise self._not_mounted(anew)
                self._look_there(self.folder)
                if next(self.folder.iterdir(), None) is None:
                    raise self._not_mounted(anew)
            else:
                durable.make_folder(self.folder)
            self._mark(self.folder, there)
            self._store = LocalStore(prefix=self.folder)

    def put(self, key: str, data: bytes) -> None:
        """Keep `data` under `key`, durably; the same key is only ever given the same bytes."""
        _check(key)
        try:
            if self.folder is None:
                obstore.put(self._store, key, data)
            else:
                self._look_for_mark(self.folder)
                _put_durably(self.folder, key, data)
        except (OSError, BaseError) as error:
            raise Unavailable(
                f"The {self._name} cannot be written: {_why(error)}.", "storage_unavailable"
            ) from error

    def get(self, key: str) -> bytes:
        """Raises NotFound when nothing was kept under `key`, Unavailable when all of the storage is gone."""
        _check(key)
        try:
            return bytes(obstore.get(self._store, key).bytes())
        except FileNotFoundError as error:
            if self.folder is not None:
                # a mount that is away must not look like a picture that never was
                self._look_there(self.folder)
            raise NotFound(f"Nothing is stored as {key}.") from error
        except (OSError, BaseError) as error:
            raise Unavailable(
                f"The {self._name} cannot be read: {_why(error)}.", "storage_unavailable"
            ) from error

    def remove(self, key: str) -> None:
        """Forget what is kept under `key`, if anything is. Raises Unavailable."""
        _check(key)
        try:
            obstore.delete(self._store, key)
        except FileNotFoundError:
            return
        except (OSError, BaseError) as error:
            raise Unavailable(
                f"The {self._name} cannot be written: {_why(error)}.", "storage_unavailable"
            ) from error

    def listed(self, prefix: str) -> Iterator[list[Kept]]:
        """What lies below a prefix, some at a time. Raises Unavailable."""
        _check(prefix)
        try:
            if self.folder is not None:
                self._look_there(self.folder)
            for some in obstore.list(self._store, prefix=prefix, chunk_size=_LISTED):
                yield [Kept(one["path"], one["last_modified"]) for one in some]
        except FileNotFoundError:
            return
        except (OSError, BaseError) as error:
            raise Unavailable(
                f"The {self._name} cannot be read: {_why(error)}.", "storage_unavailable"
            ) from error

    def probe(self) -> None:
        """Raises Unavailable when the storage cannot be reached or a folder's disk is full; changes nothing."""
        if self.folder is not None:
            if not (self.folder.is_dir() and os.access(self.folder, os.W_OK | os.X_OK)):
                raise Unavailable(
                    f"The {self._name} folder cannot be written.", "storage_unavailable"
                )
            self._look_for_mark(self.folder)
            room.check(self.folder, self._name)
            return
        try:
            obstore.list_with_delimiter(self._store, prefix="probe")
        except (OSError, BaseError) as error:
            raise Unavailable(
                f"The {self._name} cannot be read: {_why(error)}.", "storage_unavailable"
            ) from error

    def _look_there(self, folder: Path) -> None:
        """A disk that is full, or only read, still says what is there."""
        if not (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
            raise Unavailable(f"The {self._name} folder cannot be read.", "storage_unavailable")
        self._look_for_mark(folder)

    def _look_for_mark(self, folder: Path) -> None:
        """Raises Unavailable where the mark was there and is not."""
        if self._is_marked and not (folder / MARKS[self._name]).is_dir():
            raise self._not_mounted()

    def _not_mounted(self, more: str = "") -> Unavailable:
        return Unavailable(
            f"Nothing is left of the {self._name}: its disk may not be mounted.{more}",
            "storage_unavailable",
        )

    def _mark(self, folder: Path, there: bool) -> None:
        """Raises Unavailable for a folder that is something else, OSError for a new one that cannot be marked."""
        for name, mark in MARKS.items():
            if name != self._name and (folder / mark).is_dir():
                raise Unavailable(
                    f"{folder} is a {name} and no {self._name}: name another folder, or remove {mark}"
                    " from it if it was copied there.",
                    "storage_unavailable",
                )
        own = folder / MARKS[self._name]
        try:
            if not own.is_dir():
                own.mkdir(exist_ok=True)
                durable.sync(folder)
        except OSError:
            # what is there already and can only be read, or is full, goes without
            if not there:
                raise
        self._is_marked = own.is_dir()


def _check(key: str) -> None:
    if not _KEY.fullmatch(key) or ".." in key:
        raise ValueError(f"not a key of this system: {key!r}")


def _put_durably(root: Path, key: str, data: bytes) -> None:
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    # what was altered since it was kept is written anew
    if not _holds(path, data):
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=_UNFINISHED)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    # also when the file or a folder was there: whoever made it may not have come to this line yet
    for above in path.relative_to(root).parents:
        durable.sync(root / above)


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def _why(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).split("\n")[0][:200]

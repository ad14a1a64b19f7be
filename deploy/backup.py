"""`make backup`, `make restore`, `make scrub`: copy all that Ursa keeps, bring it back, look whether it is whole.

`make access` says who may get in, and how each of them is kept out: what restore says, too.

They work on the database and the storage that URSA_DATABASE_URL and URSA_STORAGE_URL name, else on the folder of
`make run`; a scrub that is given a folder looks at the backup there. Backup and scrub may run while everything else
does. The secret key is never copied: keep it elsewhere.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from deploy.settings import named_store, to_be_named
from store import access, backup, command_line, migrate, scrub, strays
from store.access import Access
from store.backup import Copied
from store.database import Database
from store.errors import SchemaBehind, StoreError
from store.pictures import storage_of
from store.scrub import Fault

_USUAL = Path("backup")


def main(words: list[str] | None = None) -> int:
    """The exit code: 0 when everything is whole, 1 with a sentence each for what is not."""
    given = build_parser().parse_args(words)
    data = given.data.absolute()
    url, storage = named_store(data)
    try:
        if given.act == "scrub":
            return _scrub(url, storage, given.folder)
        if given.act == "access":
            return _access(url, data)
        folder = given.folder or _USUAL
        if given.act == "save":
            return _save(folder, url, storage)
        return _restore(folder, url, storage, data)
    except (StoreError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def build_parser() -> argparse.ArgumentParser:
    """What the Makefile passes on."""
    parser = argparse.ArgumentParser(prog="python -m deploy.backup", description=__doc__)
    parser.add_argument("act", choices=("save", "restore", "scrub", "access"))
    parser.add_argument("folder", type=Path, nargs="?", help="of the backup")
    parser.add_argument("--data", type=Path, default=Path("data"))
    return parser


def _save(folder: Path, url: str, storage: str) -> int:
    copied = backup.save(url, storage, folder, command_line.actor(), datetime.now(UTC))
    if copied.off_record:
        print(f"This backup is not in the trail of acts: {copied.off_record}", file=sys.stderr)
    return _told(f"Backed up to {folder}", copied)


def _restore(folder: Path, url: str, storage: str, data: Path) -> int:
    copied = backup.restore(folder, url, storage, command_line.actor(), datetime.now(UTC))
    code = _told(f"Brought back from {folder}", copied)
    print(
        "Every sign-in has ended. Whoever had access when the backup was made has it again, with the password of "
        "then: end once more what was ended since."
    )
    try:
        return _access(url, data) or code
    except SchemaBehind:
        print("It is of an older version: `make migrate`, then `make access` says who that is.")
        return code


def _access(url: str, data: Path) -> int:
    """Print who may get in, and what to type to end it; 0."""
    database = Database(url)
    try:
        migrate.check(database)
        with database.read() as session:
            found = access.read(session)
    finally:
        database.dispose()
    for line in (*to_be_named(data), *_ends(found)):
        print(f"  {line}")
    return 0


def _ends(found: Access) -> Iterator[str]:
    """What to type to end each access."""
    program = f"{shlex.quote(sys.executable)} -m service"
    why = '--reason "ended before the restore"'
    for name, role in found.people:
        yield f"{program} person remove {shlex.quote(name)} {why}  # {role}"
    for prefix, consumer, role in found.keys:
        yield f"{program} key revoke {prefix} {why}  # {consumer}, {role}"
    for identity, address in found.webhooks:
        yield f"{program} webhook remove {identity} {why}  # {address}"


def _told(what: str, copied: Copied) -> int:
    print(f"{what}: {copied.pictures} pictures, {copied.bundles} bundles.")
    for key in copied.gone:
        print(f"The storage has no {key}.", file=sys.stderr)
    for key in copied.altered:
        print(f"{key} is altered, and was left out.", file=sys.stderr)
    return 1 if copied.gone or copied.altered else 0


def _scrub(url: str, storage: str, folder: Path | None) -> int:
    looked, faults = 0, 0
    for fault in backup.check(folder) if folder else _stored(url, storage):
        looked += 1
        if fault is not None:
            faults += 1
            print(f"{fault.key} is {fault.what}.", file=sys.stderr)
    print(f"{looked} files, {faults} of them missing or altered.")
    if not folder and (more := _strays(url, storage)):
        print(
            f"{more} pictures more lie there that no row names: what kills have left, or what another database names."
        )
    return 1 if faults else 0


def _strays(url: str, storage: str) -> int:
    database = Database(url)
    try:
        return strays.count(database, storage_of(database, storage), datetime.now(UTC))
    finally:
        database.dispose()


def _stored(url: str, storage: str) -> Iterator[Fault | None]:
    database = Database(url)
    try:
        migrate.check(database)
        yield from scrub.scrub(database, storage_of(database, storage))
    finally:
        database.dispose()


if __name__ == "__main__":
    os.umask(0o077)  # what is copied is nobody else's to read, wherever it comes to lie
    sys.exit(main())

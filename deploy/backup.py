"""`make backup`, `make restore`, `make scrub`: copy all that Ursa keeps, bring it back, look whether it is whole.

They work on the database and the storage that URSA_DATABASE_URL and URSA_STORAGE_URL name, else on the folder of
`make run`. Backup and scrub may run while everything else does. The secret key is never copied: keep it elsewhere.
"""

import argparse
import sys
from pathlib import Path

from deploy.settings import named_store
from store import backup, migrate, scrub
from store.backup import Copied
from store.database import Database
from store.errors import StoreError
from store.objects import Objects


def main(words: list[str] | None = None) -> int:
    """The exit code: 0 when everything is whole, 1 with a sentence each for what is not."""
    given = build_parser().parse_args(words)
    url, storage = named_store(given.data.absolute())
    try:
        if given.act == "scrub":
            return _scrub(url, storage)
        if given.act == "save":
            return _told(f"Backed up to {given.folder}", backup.save(url, storage, given.folder))
        copied = backup.restore(given.folder, url, storage)
        database = Database(url)
        migrate.check(database)
        database.dispose()
        return _told(f"Brought back from {given.folder}", copied)
    except StoreError as error:
        print(error, file=sys.stderr)
        return 1


def build_parser() -> argparse.ArgumentParser:
    """What the Makefile passes on."""
    parser = argparse.ArgumentParser(prog="python -m deploy.backup", description=__doc__)
    parser.add_argument("act", choices=("save", "restore", "scrub"))
    parser.add_argument("folder", type=Path, nargs="?", default=Path("backup"))
    parser.add_argument("--data", type=Path, default=Path("data"))
    return parser


def _told(what: str, copied: Copied) -> int:
    print(f"{what}: {copied.pictures} pictures, {copied.bundles} bundles.")
    for key in copied.gone:
        print(f"The storage has no {key}.", file=sys.stderr)
    for key in copied.altered:
        print(f"{key} is altered, and was left out.", file=sys.stderr)
    return 1 if copied.gone or copied.altered else 0


def _scrub(url: str, storage: str) -> int:
    database, looked, faults = Database(url), 0, 0
    migrate.check(database)
    for fault in scrub.scrub(database, Objects(storage)):
        looked += 1
        if fault is not None:
            faults += 1
            print(f"{fault.key} is {fault.what}.", file=sys.stderr)
    database.dispose()
    print(f"{looked} files, {faults} of them missing or altered.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

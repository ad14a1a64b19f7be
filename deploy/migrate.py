"""`make migrate`: bring the database that URSA_DATABASE_URL names to where this code needs it.

Several may run at once: the first migrates, the others wait for it. It may be cut off and begun again. Code that still
runs works with the new schema, too, but waits for what a migration has locked, and may be refused by that: writes to an
SQLite file, and those to a table of PostgreSQL for as long as an index on it is built.
"""

import os
import sys

from deploy.settings import named_database
from store import migrate
from store.errors import StoreError


def main() -> int:
    """The exit code: 0 when the schema is this code's, 1 with one sentence when it cannot be."""
    url = named_database()
    if not url:
        print("URSA_DATABASE_URL must name the database to migrate.", file=sys.stderr)
        return 1
    try:
        migrate.upgrade(url)
    except StoreError as error:
        print(error, file=sys.stderr)
        return 1
    print("The database is up to date.")
    return 0


if __name__ == "__main__":
    os.umask(0o077)  # the database, pictures and bundles are nobody else's to read
    sys.exit(main())

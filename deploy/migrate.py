"""`make migrate`: bring the database that URSA_DATABASE_URL names to where this code needs it.

Several may run at once: the first migrates, the others wait for it. Code that still runs goes on meanwhile.
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

"""`python -m tests.monitoring.taker URL FOLDER`: one process that takes what is too old, again and again."""

import sys
from pathlib import Path

from monitoring import retention
from monitoring.retention import Run
from store import retention as store_retention
from store.database import Database
from store.objects import Objects
from tests.monitoring.given import settings
from tests.store.given import later

if __name__ == "__main__":
    store_retention.PAGE = 10  # so that a kill comes between two batches
    url, folder = sys.argv[1], Path(sys.argv[2])
    database = Database(url, wait_seconds=30)
    objects = Objects(str(folder / "storage"))
    print("ready", flush=True)
    retention.take(Run(database, objects, settings(url, folder), later(days=400)))

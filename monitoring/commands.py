"""What people ask of monitoring besides that it runs: compute a verdict again, accept a window as ordinary."""

import sys
from datetime import datetime

from monitoring import recompute
from monitoring.references import References
from store import windows
from store.database import Database


def recompute_one(database: Database, references: References, identity: str) -> int:
    """Exit code 0 when it is the same, bit for bit, else 1. Raises NotFound."""
    done = recompute.window(database, references, identity)
    print(done.sentence, file=sys.stdout if done.same else sys.stderr)  # a command's answer
    return 0 if done.same else 1


def accept(database: Database, window_id: str, who: str, now: datetime) -> int:
    """A window was as it should be: it may be a reference of its hours. Exit code 0. Raises NotFound."""
    with database.write() as session:
        window = windows.accept(session, window_id, who.strip(), now)
        print(f"Window {window.id} is accepted by {window.accepted_by}.")  # noqa: T201
    return 0

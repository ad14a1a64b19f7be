"""Names that one transaction at a time holds, for what is looked at before there is a row that could be locked.

Order: hold the name, look, write. What was read before may have changed since. On PostgreSQL it is an advisory lock that
ends with the transaction, so that a pooler in transaction mode passes it on; on SQLite whoever writes has the whole
database, and nothing is left to hold.
"""

import hashlib

from sqlalchemy import func, select
from sqlalchemy.orm import Session


def hold(session: Session, name: str, *, shared: bool = False) -> None:
    """Wait until nobody else holds the name, and keep it to the end of the transaction, as long as a row's lock is
    waited for. `shared`: with others who share it."""
    if session.get_bind().dialect.name == "sqlite":
        return
    taking = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
    session.execute(select(taking(_number(name))))


def _number(name: str) -> int:
    # 64 bits with a sign is what the server takes
    return int.from_bytes(hashlib.sha256(f"ursa {name}".encode()).digest()[:8], "big", signed=True)

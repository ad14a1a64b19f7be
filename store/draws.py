"""Random draws that can be repeated: HMAC-SHA-256 of an id, one key for each purpose.

Two purposes never share a draw: with one shared number the pictures that are audited would also be those that
are routed to the candidate, and neither sample would be one.
"""

import hashlib
import hmac
from typing import Literal

Purpose = Literal["audit", "routing", "reverse_shadow", "blind", "doubles", "gold", "order"]


def draw(secret_key: str, purpose: Purpose, identity: str) -> float:
    """A number in [0, 1), uniform over ids, always the same for the same three arguments."""
    message = f"{purpose}|{identity}".encode()
    digest = hmac.new(secret_key.encode(), message, hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") / 2**64

"""What shows that a form came from our own page: a token that only the signed-in browser's pages contain.

It is derived from the sign-in's own token by HMAC, so nothing is stored and it ends with the sign-in. The sign-in
form has no token to derive from; there the browser's own word for where a request comes from is checked.
"""

import hashlib
import hmac

from starlette.datastructures import Headers

FIELD = "csrf"
HEADER = "X-CSRF-Token"


def token(secret_key: str, sign_in_token: str) -> str:
    """The token that pages of this sign-in carry."""
    message = f"csrf|{sign_in_token}".encode()
    return hmac.new(secret_key.encode(), message, hashlib.sha256).hexdigest()


def is_right(secret_key: str, sign_in_token: str, shown: str | None) -> bool:
    """Whether a shown token belongs to the sign-in."""
    wanted = token(secret_key, sign_in_token)
    return shown is not None and hmac.compare_digest(
        wanted.encode(), shown.encode(errors="replace")
    )


def is_ours(headers: Headers) -> bool:
    """Whether the browser says that the request comes from our own pages, or says nothing (no browser)."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or origin.split("://")[-1] == headers.get("host")

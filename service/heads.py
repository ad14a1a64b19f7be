"""What a request's head says, before any library reads it: the parts that would cost seconds or mislead stop here.

A form's fields would be decoded by whatever codec its head names, and a quoted cookie is taken apart in quadratic time,
both on the loop and before anybody was asked who they are. Neither is ever needed.
"""

import re

from starlette.datastructures import Headers
from starlette.types import Scope

from service.errors import Problem

COOKIE = "ursa_session"
# of a media type: with a boundary of 70 letters and a charset it has half of that, and it is taken apart letter by letter
LONGEST_TYPE = 256
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,100}")
_UTF_8 = re.compile(r'charset=(?:utf-?8|"utf-?8")\s*(?:;|$)', re.IGNORECASE)


def check_charset(scope: Scope) -> None:
    """Raises Problem 415 where a body names another charset than UTF-8, in whatever way it does, or is too long to be asked."""
    for said in Headers(scope=scope).getlist("content-type"):
        if len(said) > LONGEST_TYPE:
            raise Problem(415, "unsupported_charset", f"A Content-Type has at most {LONGEST_TYPE} characters.")  # fmt: skip
        # what would be read of several, of `charset*=` or of half a quotation mark is not asked: they are refused
        if "charset" in _UTF_8.sub(";", said).lower():
            raise Problem(415, "unsupported_charset", "What is sent here is read as UTF-8 only.")


def keep_own_cookie(scope: Scope) -> None:
    """Take away every cookie but that of a sign-in."""
    token = sign_in_token(scope)
    kept = [line for line in scope["headers"] if line[0] != b"cookie"]
    scope["headers"] = kept + ([(b"cookie", f"{COOKIE}={token}".encode())] if token else [])


def sign_in_token(scope: Scope) -> str:
    """The token that the cookie of a sign-in holds; "" where there is none that could be one."""
    token = ""
    for line in Headers(scope=scope).getlist("cookie"):
        for cookie in line.split(";"):
            name, _, value = cookie.strip().partition("=")
            if name == COOKIE and _TOKEN.fullmatch(value):
                token = value
    return token


def address(scope: Scope) -> str:
    """Where a request comes from: what a proxy that is believed says (FORWARDED_ALLOW_IPS), else who is connected."""
    client: tuple[str, int] | None = scope.get("client")
    return client[0] if client else ""

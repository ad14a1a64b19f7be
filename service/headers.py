"""The headers that every answer carries, and the policies of what a page may load.

A route that needs another policy sets the header itself; what is set is not replaced.
"""

from ipaddress import ip_address

from starlette.datastructures import MutableHeaders
from starlette.types import Scope


def _policy(*directives: str) -> str:
    return "; ".join(directives)


PAGE_POLICY = _policy(
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    # blob: a picture that is shown before it is sent
    "img-src 'self' blob: data:",
    "connect-src 'self'",
    "font-src 'self'",
    "frame-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
)

# A drift report brings its own inline script: it runs in a sandbox without our origin and can reach nothing.
REPORT_HEADERS = {
    "Content-Security-Policy": _policy(
        "sandbox allow-scripts",
        "default-src 'none'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src data: blob:",
        "font-src data:",
        "frame-ancestors 'self'",
    ),
    "X-Frame-Options": "SAMEORIGIN",
}

_ALWAYS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
FOREVER = "public, max-age=31536000, immutable"


def secure(headers: MutableHeaders, scope: Scope) -> None:
    """Add what the answer does not say itself."""
    for name, value in _ALWAYS.items():
        headers.setdefault(name, value)
    headers.setdefault("Cache-Control", _keeping(scope))
    if is_strict(scope):
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def is_strict(scope: Scope) -> bool:
    """Whether the answer says that this address is for https alone."""
    return scope["scheme"] == "https" and not _is_loopback(scope)


def _keeping(scope: Scope) -> str:
    if not scope["path"].startswith("/static/"):
        return "no-store"
    # a page names static files with a part of their digest
    return FOREVER if scope["query_string"].startswith(b"v=") else "no-cache"


def _is_loopback(scope: Scope) -> bool:
    # telling a browser to come to 127.0.0.1 by https only would lock out whatever else runs there
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    name: str = host.rsplit(":", 1)[0].strip("[]")
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")

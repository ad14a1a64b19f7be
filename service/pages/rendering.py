"""From a template and what it shows to a page: one environment, escaping always on, words as filters.

A template that names something it was not given fails (StrictUndefined): a hole in a page is a mistake.
"""

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from service.clock import wall_clock
from service.dependencies import SignedIn
from service.pages import words

FOLDER = Path(__file__).parent.parent
STATIC = FOLDER / "static"

# what a page says after a change sent the browser back to it; only these can be said, whatever an address asks for
DONE = {
    "promoted": "Done: the version that you promoted answers within a second.",
    "confirmed": "Done: you have confirmed it; somebody else must as well.",
    "prepared": "Done: what you wrote is kept with the rollout.",
    "moved": "Done: every process follows within a second.",
    "stopped": "Done: it is stopped, in every process within a second.",
    "released": "Done: models may answer again.",
    "frozen": "Done: nothing grows until somebody lets it.",
    "unfrozen": "Done: rollouts go on.",
    "withdrawn": "Done: the version is off its way.",
    "reverted": "Done: the version is taken back.",
    "asked": "Done: the training waits for its turn; its progress shows here.",
    "comparing": "Done: the comparison waits for its turn.",
    "acknowledged": "Done: the alarm stays open, with your name and reason.",
    "cleared": "Done: the alarm is over.",
    "written": "Done: the guide is in force.",
    "signed-out": "You are signed out.",
    "skipped": "Skipped: somebody else will be asked.",
    "undone": "Taken back: here is the picture again.",
    "lost": "This picture went to somebody else in the meantime.",
    "kept": "This picture was answered or skipped by then: your answer is kept as an extra opinion.",
}


@cache
def version_of(name: str) -> str:
    """Eight digits that change with a static file, so that browsers never keep an old one."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:8]


def static(name: str) -> str:
    """The address of a style sheet or a picture; scripts import each other by plain names and are asked for anew."""
    return f"/static/{name}?v={version_of(name)}"


def with_code(text: str) -> Markup:
    """Escaped, and what stands between backticks as code: the API's own document is written that way."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped just before


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number=words.number,
        percent=words.percent,
        points=words.points,
        p_value=words.p_value,
        megabytes=words.megabytes,
        with_code=with_code,
        word=lambda name, group: words.word(getattr(words, group), name),
    )
    made.globals.update(static=static, words=words, done=DONE)
    return made


_pages = _environment()


def page(
    request: Request, template: str, found: SignedIn | None, /, *, status: int = 200, **shown: Any
) -> HTMLResponse:
    """A whole page for who is signed in. `now` is among what is shown where times are."""
    shown.setdefault("now", wall_clock())
    said = DONE.get(request.query_params.get("done", ""))
    text = _pages.get_template(template).render(
        **shown,
        status=status,
        who=found.person if found else None,
        csrf=found.csrf if found else "",
        may_operate=found is not None and found.may("operator"),
        path=request.url.path,
        said=said,
    )
    return HTMLResponse(text, status)


def see(path: str, **query: str) -> RedirectResponse:
    """Send the browser to a page after a change (303), so that a reload changes nothing twice."""
    return RedirectResponse(f"{path}?{urlencode(query)}" if query else path, 303)


def to_sign_in(request: Request) -> RedirectResponse:
    """Where somebody goes who is not signed in; a page that was only looked at comes back after it."""
    if request.method != "GET" or request.url.path == "/":
        return see("/sign-in")
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/sign-in?next={quote(wanted, safe='/')}", 303)


def local(path: str) -> str:
    """`path` when it is one of our own addresses, else the home page: nobody is sent elsewhere by a link to us.

    Browsers take `//host`, `/\\host` and addresses with control characters for other sites.
    """
    ours = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()
    return path if ours and "\\" not in path else "/"


def error_page(
    request: Request, status: int, title: str, sentence: str
) -> HTMLResponse | RedirectResponse:
    """What happened and how to go on, for a browser; who is not signed in is sent to do that."""
    if status == 401:
        return to_sign_in(request)
    return page(
        request,
        "error.html",
        None,
        status=status,
        title=title,
        sentence=sentence,
        request_id=getattr(request.state, "request_id", ""),
    )

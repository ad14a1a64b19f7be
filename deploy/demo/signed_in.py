"""Somebody at the pages, without a browser: signs in by the form and sends what the pages' forms and scripts send."""

import re
from collections.abc import Mapping
from typing import Any, Self

import httpx


class NotTaken(Exception):
    """A page refused what was sent; says which and why."""


class SignedIn:
    """Signed in by name and password; use it as a context. Raises NotTaken."""

    def __init__(self, url: str, name: str, password: str) -> None:
        self._pages = httpx.Client(base_url=url, timeout=60)
        self.name, self._password = name, password

    def __enter__(self) -> Self:
        form = {"name": self.name, "password": self._password, "next": "/review"}
        self._taken(self._pages.post("/sign-in", data=form), 303)
        page = self._taken(self._pages.get("/review"), 200)
        found = re.search(r'<meta name="csrf" content="([0-9a-f]+)">', page.text)
        if found is None:
            raise NotTaken("The page carries no token against forged requests.")
        self._pages.headers["X-CSRF-Token"] = found[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._pages.close()

    def send(self, path: str, body: Mapping[str, object]) -> Any:
        """As a page's script sends it; the answer's JSON."""
        return self._taken(self._pages.post(path, json=body), 200).json()

    def press(self, path: str, **form: str) -> None:
        """As a page's form sends it."""
        self._taken(self._pages.post(path, data=form), 303)

    def _taken(self, answer: httpx.Response, wanted: int) -> httpx.Response:
        if answer.status_code != wanted:
            said = re.sub(r"<[^>]+>|\s+", " ", answer.text)[:300]
            raise NotTaken(f"{answer.request.url.path}: {answer.status_code} {said}")
        return answer

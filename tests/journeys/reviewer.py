"""A reviewer who uses the review page's own routes, as the page's script does.

The answers come from the pictures' true classes, which the caller knows: nobody looked at them, and the person is
registered as simulated.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx

HANDFUL = 8


@dataclass(frozen=True)
class Labelled:
    """How many pictures were labelled and how many were given back because nobody knew them."""

    labels: int
    skipped: int


class Reviewer:
    """Signed in by name and password; use it as a context."""

    def __init__(self, url: str, name: str, password: str) -> None:
        self._pages = httpx.Client(base_url=url, timeout=30)
        self._name, self._password = name, password
        self._number = 0

    def __enter__(self) -> "Reviewer":
        form = {"name": self._name, "password": self._password, "next": "/review"}
        signed = self._pages.post("/sign-in", data=form)
        assert signed.status_code == 303, signed.text
        page = self._pages.get("/review")
        assert page.status_code == 200, page.text
        found = re.search(r'<meta name="csrf" content="([0-9a-f]+)">', page.text)
        assert found is not None, "the page carries no token"
        self._pages.headers["X-CSRF-Token"] = found[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pages.close()

    def label_all(self, truth: Callable[[str], str | None]) -> Labelled:
        """Answer until nothing waits; `truth` gives the class by picture digest, or None to skip."""
        labels = skipped = 0
        while handful := self._next():
            for review in handful:
                digest = review["picture"].split("/")[2].split("?")[0]
                label = truth(digest)
                if label is None:
                    self._post(f"/review/{review['id']}/skip", {"token": review["token"]})
                    skipped += 1
                else:
                    self._answer(review["id"], review["token"], label)
                    labels += 1
        return Labelled(labels, skipped)

    def _next(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self._post("/review/next", {"count": HANDFUL})["reviews"]
        return found

    def _answer(self, review_id: str, token: str, label: str) -> None:
        self._number += 1
        said = {
            "token": token,
            "kind": "class",
            "label": label,
            "submission": f"{self._name}-{self._number:08}",
        }
        answer = self._post(f"/review/{review_id}/answer", said)
        assert answer["counted"], answer

    def _post(self, path: str, body: Mapping[str, object]) -> Any:
        answer = self._pages.post(path, json=body)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

"""A browser without a screen and without script: it signs in, keeps the page's token, and reads HTML as a tree."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

from service.clock import wall_clock
from store import people
from tests.service.rows import PASSWORD
from tests.service.serving import Serving

# a connection for each request, so that there is nothing to close
_NONE_KEPT = httpx.Limits(max_keepalive_connections=0)
PAGES = (
    "/",
    "/try",
    "/review",
    "/guide",
    "/models",
    "/models/progress",
    "/rollout",
    "/right",
    "/drift",
)

_VOID = {"meta", "link", "img", "input", "br", "hr"}


@dataclass
class Element:
    """A tag with what it carries; `text` is all text inside it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    inside: list["Element"] = field(default_factory=list)

    def all(self, tag: str, **attributes: str) -> list["Element"]:
        """Every element below of this tag whose attributes are as given (`class_` contains the word)."""
        found = []
        for one in self.inside:
            if one.tag == tag and all(one._has(*pair) for pair in attributes.items()):
                found.append(one)
            found += one.all(tag, **attributes)
        return found

    def every(self) -> list["Element"]:
        """Every element below."""
        return [each for one in self.inside for each in (one, *one.every())]

    def _has(self, name: str, value: str) -> bool:
        if name == "class_":
            return value in self.attributes.get("class", "").split()
        return self.attributes.get(name.replace("_", "-")) == value


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("document", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(made)
        if tag not in _VOID:
            self.open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].inside.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag in {one.tag for one in self.open[1:]}:
            while self.open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        for one in self.open:
            one.text += data


def read(html: str) -> Element:
    """The tree of a page."""
    tree = _Tree()
    tree.feed(html)
    tree.close()
    return tree.open[0]


class Browser:
    """One person's browser; redirects are not followed unless asked for."""

    def __init__(self, served: Serving, name: str | None, role: str = "reviewer") -> None:
        self.http = httpx.Client(
            base_url=served.url, headers={"Accept": "text/html"}, timeout=30, limits=_NONE_KEPT
        )
        self.csrf = ""
        if name is not None:
            with served.database.write() as session:
                people.add_person(session, name, PASSWORD, role, wall_clock())
            signed = self.http.post("/sign-in", data={"name": name, "password": PASSWORD})
            assert signed.status_code == 303, signed.text
            self.csrf = self.page("/guide").all("meta", name="csrf")[0].attributes["content"]

    def page(self, path: str, status: int = 200) -> Element:
        """Load a page."""
        answer = self.http.get(path)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[:2000]}"
        return read(answer.text)

    def submit(self, path: str, **fields: str | list[str]) -> httpx.Response:
        """Post a form of one of our pages."""
        return self.http.post(path, data={"csrf": self.csrf, **fields})

    def ask(self, path: str, body: object) -> httpx.Response:
        """Post JSON as our scripts do."""
        headers = {"X-CSRF-Token": self.csrf, "Accept": "application/json"}
        return self.http.post(path, json=body, headers=headers)

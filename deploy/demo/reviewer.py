"""A reviewer who uses the review page's own routes, as the page's script does.

The answers come from the pictures' true classes, which the caller knows: nobody looked at them, and the person is
registered as simulated.
"""

from collections.abc import Callable
from dataclasses import dataclass

from deploy.demo.signed_in import NotTaken, SignedIn

HANDFUL = 8
Truth = Callable[[str], str | None]


@dataclass(frozen=True)
class Labelled:
    """How many pictures were labelled and how many were given back because nobody knew them."""

    labels: int
    skipped: int


class Reviewer(SignedIn):
    """Signed in by name and password; use it as a context."""

    def __init__(self, url: str, name: str, password: str) -> None:
        super().__init__(url, name, password)
        self._number = 0

    def label_all(self, truth: Truth) -> Labelled:
        """Answer until nothing waits; `truth` gives the class by picture digest, or None to skip."""
        labels = skipped = 0
        while True:
            done = self.label(truth, HANDFUL)
            if done == Labelled(0, 0):
                return Labelled(labels, skipped)
            labels, skipped = labels + done.labels, skipped + done.skipped

    def label(self, truth: Truth, most: int) -> Labelled:
        """Answer what waits first, `most` pictures at the most, of a handful that is taken at once."""
        labels = skipped = 0
        for review in self.send("/review/next", {"count": min(most, HANDFUL)})["reviews"]:
            digest = review["picture"].split("/")[2].split("?")[0]
            label = truth(digest)
            if label is None:
                self.send(f"/review/{review['id']}/skip", {"token": review["token"]})
                skipped += 1
            else:
                self._answer(review["id"], review["token"], label)
                labels += 1
        return Labelled(labels, skipped)

    def _answer(self, review_id: str, token: str, label: str) -> None:
        self._number += 1
        said = {
            "token": token,
            "kind": "class",
            "label": label,
            "submission": f"{self.name}-{self._number:08}",
        }
        answer = self.send(f"/review/{review_id}/answer", said)
        if not answer["counted"]:
            raise NotTaken(f"The answer to review {review_id} did not count: {answer}")

"""The cameras: they send pictures over the public API and count what comes back."""

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from deploy.demo.pictures import Sample
from service.client import Answer, Client, Refused

# as many as keep each below the hundred answers from which a changed share of one class holds a candidate: a model
# that has learned a shift answers otherwise than the one that had not
SITES = tuple(f"camera {number}" for number in range(1, 13))


@dataclass
class Tally:
    """What came back for a set of pictures: the model's own answers, never a person's."""

    sent: int = 0
    right: int = 0
    flagged: int = 0

    @property
    def accuracy(self) -> float | None:
        """Share of right answers, None of none."""
        return round(self.right / self.sent, 4) if self.sent else None

    @property
    def flagged_share(self) -> float | None:
        """Share of pictures that were said to be unlike those the model learned from."""
        return round(self.flagged / self.sent, 4) if self.sent else None


@dataclass
class Camera:
    """`truth`: the class by digest of every picture that was sent, `digests` by file; `refused`: no usable pictures; `ids` of predictions."""

    url: str
    client: Client
    truth: dict[str, str] = field(default_factory=dict)
    digests: dict[Path, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # by chance, so that no camera gets another kind of pictures than the other
        self._chance = random.Random(1)  # noqa: S311  # a run that can be repeated, not a secret

    def post(self, samples: Iterable[Sample], version: int | None = None) -> Tally:
        """Send every picture and count the model's own answers; with a `version` nobody else may have answered.

        Raises Refused, also where somebody else has.
        """
        tally = Tally()
        for sample in samples:
            answer = self._ask(sample)
            if answer is None:
                continue
            by = answer.model_version if answer.answered_by == "model" else None
            if version is not None and by != version:
                raise Refused({"detail": f"Version {version} did not answer {sample.path}."}, 200)
            tally.sent += 1
            tally.right += answer.label == sample.label
            tally.flagged += answer.domain is not None and not answer.domain.inside
        return tally

    def _ask(self, sample: Sample) -> Answer | None:
        data = sample.path.read_bytes()
        try:
            answer = self.client.predict(data, segment=self._chance.choice(SITES))
        except Refused as refused:
            if refused.code != "bad_picture":
                raise
            self.refused.append(f"{sample.path}: {refused}")
            return None
        self.ids.append(answer.id)
        digest = hashlib.sha256(data).hexdigest()
        self.truth[digest], self.digests[sample.path] = sample.label, digest
        return answer

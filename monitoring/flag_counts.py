"""How many flagged pictures a window may have: exact counts, not approximations.

Two cases. Against the calibration of the bundle, the flag lies beyond the k-th largest of n scores, and under
exchangeability the count of a window is beta-binomial: the calibration is a sample too, and its error is in it.
Against earlier traffic both counts are random, and given their sum the window's is hypergeometric (Fisher).
"""

from dataclasses import dataclass
from typing import Any

from scipy.stats import betabinom, hypergeom


@dataclass(frozen=True)
class Flags:
    """`flagged` of a window's `pictures`, against one of two things.

    `rank` of `calibration` scores: the flag lies beyond the rank-th largest of so many held-out scores; or, when
    `traffic` is set, `rank` flagged ones among so many pictures of earlier traffic. A rank of 0 without traffic
    flags nothing, and then there is no test.
    """

    flagged: int
    pictures: int
    rank: int
    calibration: int
    traffic: bool = False

    @property
    def testable(self) -> bool:
        """Whether a count says anything at all."""
        return self.pictures > 0 and (self.traffic or self.rank > 0)

    @property
    def expected(self) -> float:
        """The share of flagged pictures when nothing has changed."""
        return self.rank / (self.calibration + (0 if self.traffic else 1))

    @property
    def p_value(self) -> float:
        """The chance of so many flagged pictures, or more."""
        return float(self._counts().sf(self.flagged - 1))

    def most(self, confidence: float) -> int:
        """The count that is not exceeded with that confidence."""
        return int(self._counts().ppf(confidence))

    def _counts(self) -> Any:
        if self.traffic:
            together = self.flagged + self.rank
            return hypergeom(self.pictures + self.calibration, together, self.pictures)
        return betabinom(self.pictures, self.rank, self.calibration + 1 - self.rank)

"""What the demo chooses, all in one place, and prints: settings of the real programs, and how much is asked of people.

Waits that are days in production are seconds here, because one camera sends one picture after the other and people
who are made up answer at once. No clock is set forward, and no rule is another one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deploy.demo.camera import SITES
from monitoring.evidence_rule import Rule

SHARES = [0.25, 0.5]  # of `expanding`


@dataclass(frozen=True)
class Choices:
    """`network`: flags of `first-model`. `retrain_epochs`, `batch_size`, `rate` and `repeats` of the retraining.

    `margin`: by what share of all pictures the candidate may be worse and still advance. People give at most
    `labels_before` the retraining, of which a part is kept for judging, and `labels` in all. `back`: of the accuracy lost, what must have come
    back; `worse`: how much worse the ordinary pictures may be, as a share of all. `most_to_alarm`: pictures
    within which the alarm must come. `minutes`: how long a retraining
    may take.
    """

    network: tuple[str, ...]
    retrain_epochs: int
    batch_size: int
    rate: float = 1e-3
    repeats: int = 1
    margin: float = 0.05
    labels_before: int = 480
    labels: int = 700
    back: float = 2 / 3
    worse: float = 0.05
    most_to_alarm: int = 100
    minutes: float = 30.0

    def settings(self) -> Mapping[str, str]:
        """The environment that the programs get besides what `make run` gives them."""
        return {
            "URSA_RETRAIN_EPOCHS": str(self.retrain_epochs),
            "URSA_RETRAIN_BATCH_SIZE": str(self.batch_size),
            "URSA_RETRAIN_RATE": str(self.rate),
            "URSA_RETRAIN_REPEATS": str(self.repeats),
            "URSA_ROLLOUT_MARGIN": str(self.margin),
            "URSA_ROLLOUT_MINIMUM_PAIRS": "30",
            "URSA_ROLLOUT_SETTLE_SECONDS": "2",
            "URSA_DOUBLES_RATE": "0.5",
            "URSA_ONLINE_SETTLE_SECONDS": "1",
            "URSA_WINDOW_SETTLE_SECONDS": "1",
            "URSA_NULL_REPLAY_WINDOWS": "20",
            "URSA_MONITORING_POLL_SECONDS": "0.5",
        }

    def words(self) -> Iterator[str]:
        """Everything that was chosen, a line each."""
        rule = Rule(margin=self.margin)
        yield (
            f"margin {100 * self.margin:g} points, error level {rule.advance:g} at each step for an advance, "
            f"{rule.harm:g} over the whole way for harm"
        )
        yield (
            f"at most {self.labels_before} labels before the retraining and {self.labels} in all; back is "
            f"{100 * self.back:.0f} % of the accuracy lost, with the ordinary pictures at most "
            f"{100 * self.worse:g} points worse"
        )
        yield f"first model: {' '.join(self.network)}"
        yield "settings of the programs: " + ", ".join(
            f"{name}={value}" for name, value in self.settings().items()
        )


def plan(classes: int) -> dict[str, object]:
    """The questions before a rollout, answered for this demo; the scope is half of its cameras."""
    return {
        "answers": {
            "objective": "Pictures are named rightly after the world has changed, too. (Simulated.)",
            "levers": "Answer, answer and let a person look, let a person answer.",
            "data": f"The folder of {classes} classes, and what the simulated reviewers labelled.",
            "today": "The version before answers; how well is measured before and after.",
            "missing": "Everything that neither folder shows.",
            "harm": "Nobody: the consumers are simulated.",
            "feedback": "Nothing: the traffic was chosen beforehand.",
            "reports": "Drift, the rollout page, and the last line of the demo.",
            "stop": "Whoever sits at the rollout page, within a second.",
        },
        "risks": [
            {
                "risk": "It learns the new pictures and forgets the ordinary ones.",
                "metric": "ursa_rollout_decision",
                "alert": "UrsaRolloutStops",
                "owner": "olga (simulated)",
            }
        ],
        "scope": {"segments": list(SITES[: len(SITES) // 2])},
        "steps": SHARES,
    }

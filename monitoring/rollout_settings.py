"""What the rollouts' part of monitoring must know, as a part of its settings; read by `monitoring.settings`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitoring.evidence_rule import Rule
from store.errors import Invalid
from store.settings import number, whole


@dataclass(frozen=True)
class RolloutSettings:
    """`rule` decides. A label must come within `label_hours`; a burst lasts until `burst_seconds` of quiet.

    What is younger than `settle_seconds` waits for the next look: it may still be on its way, or be undone.
    """

    rule: Rule = field(default_factory=Rule)
    label_hours: float = 72.0
    burst_seconds: float = 60.0
    settle_seconds: float = 10.0

    def __post_init__(self) -> None:
        if not self.label_hours > 0 or not self.burst_seconds >= 0 or not self.settle_seconds >= 0:
            raise Invalid(
                "URSA_ROLLOUT_LABEL_HOURS must be above 0; URSA_ROLLOUT_BURST_SECONDS and"
                " URSA_ROLLOUT_SETTLE_SECONDS must not be below 0."
            )


def read_rollout_settings(given: Mapping[str, str]) -> RolloutSettings:
    """Raises Invalid with one sentence."""
    margin = number(given, "URSA_ROLLOUT_MARGIN", 0.02)
    pairs = whole(given, "URSA_ROLLOUT_MINIMUM_PAIRS", 100)
    slow = number(given, "URSA_ROLLOUT_SLOW_MILLISECONDS", 1000.0)
    try:
        rule = Rule(margin=margin, minimum_pairs=pairs, slow_milliseconds=slow)
    except ValueError:
        raise Invalid(
            "URSA_ROLLOUT_MARGIN must be between 0 and 1; URSA_ROLLOUT_MINIMUM_PAIRS and"
            " URSA_ROLLOUT_SLOW_MILLISECONDS must be above 0."
        ) from None
    return RolloutSettings(
        rule=rule,
        label_hours=number(given, "URSA_ROLLOUT_LABEL_HOURS", 72.0),
        burst_seconds=number(given, "URSA_ROLLOUT_BURST_SECONDS", 60.0),
        settle_seconds=number(given, "URSA_ROLLOUT_SETTLE_SECONDS", 10.0),
    )

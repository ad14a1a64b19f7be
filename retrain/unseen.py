"""Labels that a model has not learned from: the golden set and what people audited, one picture of each group.

Nothing whose group was ever in the training set of one of the versions counts, not even a row that was withdrawn
since. Only blind answers count beside the folder's own labels: who was shown a model's answer leans to it. An audit
label that waits for its second reader counts as it stands: those are the ones that the answering model got wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from store import pictures, second_reads, training_sets
from store.database import Session


@dataclass(frozen=True)
class Unseen:
    """`source`: folder (golden, labelled by its folder), audit (drawn from all traffic), reviewed (golden, and
    looked at by people because somebody doubted it: harder than the traffic)."""

    picture_digest: str
    group_id: str
    label: str
    source: str


@dataclass(frozen=True)
class UnseenLabels:
    """`disputed` counts pictures whose folder and reviewers say different things; they are not used."""

    labels: tuple[Unseen, ...]
    disputed: int


def unseen_labels(session: Session, training_set_ids: Sequence[str]) -> UnseenLabels:
    """Labels that no version trained on these sets has seen, in an order that stays."""
    folder = training_sets.golden(session)
    said_so_far = second_reads.so_far(session)
    settled = {one.picture_digest: one for one in said_so_far if one.source == "human_blind"}
    groups = pictures.purposes(session, sorted({*folder, *settled}))
    seen = training_sets.seen_groups(session, training_set_ids)
    found: dict[str, Unseen] = {}
    disputed = 0
    for digest, (group, purpose) in sorted(groups.items()):
        if purpose == "training" or group in seen:
            continue
        said = settled.get(digest)
        label = folder.get(digest) or (said.label if said else "")
        if said is not None and said.label != label:
            disputed += 1
            continue
        audited = purpose == "audit" or (said is not None and said.audited)
        source = "audit" if audited else "folder" if digest in folder else "reviewed"
        found.setdefault(group, Unseen(digest, group, label, source))
    return UnseenLabels(tuple(found.values()), disputed)

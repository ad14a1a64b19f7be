"""What a new version may learn from: the rows of the one before that still stand, and what people said since.

Order: who is the parent; hash the labelled pictures that were not hashed yet and bring same pictures together; set
apart the golden share; freeze. Never takes a golden or audit picture, a model's own answer, or a class that the
parent does not know; a picture that the parent held back stays held back.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from classifier.pictures import BadPicture, open_picture
from retrain.duplicates import fingerprint
from retrain.grouping import keep_fingerprints
from retrain.program import Program
from retrain.progress import Watch
from retrain.splitting import place
from store import models, pictures, rollouts, second_reads, training_sets
from store.database import Session
from store.errors import NotFound
from store.labels import SettledLabel
from store.tables import ModelVersion, TrainingSet
from store.training_sets import Row

# of the new labels, from pictures drawn at random (reference: active learning alone trains on the odd ones)
UNIFORM_WANTED = 0.2


@dataclass(frozen=True)
class Learned:
    """What was gathered, for the card. Counts of labels; `uniform`: of pictures that were drawn at random.

    `golden` and `audit`: labels that are kept for judging; `unknown_class`, `unreadable`: left out.
    """

    parent: int
    new: int
    relabelled: int
    uniform: int
    uniform_share: float
    uniform_wanted: float
    by_reason: dict[str, int]
    golden: int
    audit: int
    unknown_class: int
    unreadable: int

    def to_json(self) -> dict[str, Any]:
        """As it stands in the card."""
        return asdict(self)


@dataclass(frozen=True)
class Gathered:
    """The version to go on from, and the rows to learn from; None of them where `learned.new` is 0."""

    parent: ModelVersion
    rows: list[Row]
    learned: Learned


def gather(program: Program, watch: Watch) -> Gathered:
    """Raises NotFound when there is no version to go on from."""
    with program.database.read() as session:
        parent = parent_version(session)
        # audit labels that wait for a second reader keep their pictures' doubles out of the training set too
        settled = second_reads.so_far(session)
        hashed = set(pictures.fingerprints(session))
    unreadable = _hash_new(
        program, [one for one in settled if one.picture_digest not in hashed], watch
    )
    settled = [one for one in settled if one.picture_digest not in unreadable]
    _set_golden_apart(program, parent, settled)
    with program.database.read() as session:
        return _choose(session, parent, settled, len(unreadable))


def freeze(program: Program, gathered: Gathered) -> TrainingSet:
    """The set that these rows are; the same rows are the same set."""
    with program.database.write() as session:
        return training_sets.freeze(
            session,
            gathered.parent.classes,
            gathered.rows,
            program.clock(),
            gathered.parent.training_set_id,
        )


def parent_version(session: Session) -> ModelVersion:
    """Who a new version is trained from: the one that answers, else the candidate, else the newest."""
    live = rollouts.live(session)
    going = live.incumbent or live.candidate
    if going is not None:
        return models.get(session, going.version_id)
    newest = models.newest_first(session, limit=1)
    if not newest:
        raise NotFound(
            "There is no model to go on from: make one with `python -m retrain first-model`."
        )
    return newest[0]


def _hash_new(program: Program, new: Sequence[SettledLabel], watch: Watch) -> set[str]:
    """Fingerprints of pictures that have none; the digests of those that cannot be opened any more."""
    fingerprints: dict[str, str] = {}
    unreadable: set[str] = set()
    for number, one in enumerate(new):
        watch("gather", number / len(new), f"{number} of {len(new)} new pictures")
        try:
            picture = open_picture(program.pictures.read(one.picture_digest))
        except (BadPicture, NotFound):
            unreadable.add(one.picture_digest)
            continue
        fingerprints[one.picture_digest] = fingerprint(picture)
    keep_fingerprints(program, fingerprints)
    return unreadable


def _set_golden_apart(
    program: Program, parent: ModelVersion, settled: Sequence[SettledLabel]
) -> None:
    """The golden share of what is new; a group that was learned from can judge nobody any more."""
    digests = [one.picture_digest for one in settled]
    learned_from = [one for one in (parent.training_set_id,) if one is not None]
    with program.database.write() as session:
        seen = training_sets.seen_groups(session, learned_from)
        for group, purpose in sorted(set(pictures.purposes(session, digests).values())):
            if purpose == "training" and group not in seen and place(group) == "golden":
                pictures.raise_purpose(session, group, "golden", program.clock())


def _choose(
    session: Session, parent: ModelVersion, settled: Sequence[SettledLabel], unreadable: int
) -> Gathered:
    old = training_sets.rows(session, parent.training_set_id) if parent.training_set_id else []
    digests = {*(one.picture_digest for one in old), *(one.picture_digest for one in settled)}
    grouped = pictures.purposes(session, sorted(digests))
    rows = {one.picture_digest: one for one in old if grouped[one.picture_digest][1] == "training"}
    splits = _splits(rows, grouped)
    counts: Counter[str] = Counter()
    new: list[SettledLabel] = []
    for one in settled:
        group, purpose = grouped[one.picture_digest]
        before = rows.get(one.picture_digest)
        if purpose != "training":
            counts[purpose] += 1
        elif one.label not in parent.classes:
            counts["unknown_class"] += 1
        elif before is None or before.label != one.label:
            counts["relabelled"] += before is not None
            new.append(one)
            split = splits.get(group) or place(group)
            rows[one.picture_digest] = Row(
                one.picture_digest, one.label, split, one.source, one.label_id
            )
    learned = _learned(parent, new, counts, unreadable)
    return Gathered(parent, [rows[one] for one in sorted(rows)] if new else [], learned)


def _splits(rows: Mapping[str, Row], grouped: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """The split of each group that the parent knows: what it has learned from, it has learned from."""
    splits: dict[str, str] = {}
    for digest, row in rows.items():
        group = grouped[digest][0]
        if splits.get(group) != "train":
            splits[group] = row.split
    return splits


def _learned(
    parent: ModelVersion, new: Sequence[SettledLabel], counts: Counter[str], unreadable: int
) -> Learned:
    uniform = sum(1 for one in new if one.audited)
    return Learned(
        parent=parent.number,
        new=len(new),
        relabelled=counts["relabelled"],
        uniform=uniform,
        uniform_share=uniform / len(new) if new else 0.0,
        uniform_wanted=UNIFORM_WANTED,
        by_reason=dict(Counter(reason for one in new for reason in one.reasons)),
        golden=counts["golden"],
        audit=counts["audit"],
        unknown_class=counts["unknown_class"],
        unreadable=unreadable,
    )

"""Bring stored pictures that are the same picture into one group, before any of them is learned from."""

from collections.abc import Mapping, Sequence

from retrain.duplicates import same_pictures
from retrain.program import Program
from store import pictures


def keep_fingerprints(program: Program, fingerprints: Mapping[str, str]) -> None:
    """Keep the hashes of pictures that had none, and merge every group that holds one of the same pictures."""
    if not fingerprints:
        return
    with program.database.write() as session:
        pictures.set_fingerprints(session, dict(fingerprints))
    with program.database.read() as session:
        known = {one: hashed for one, (hashed, _) in pictures.fingerprints(session).items()}
    for same in same_pictures(known, among=fingerprints):
        _merge(program, same)


def _merge(program: Program, same: Sequence[str]) -> None:
    with program.database.write() as session:
        groups = {group for group, _ in pictures.purposes(session, same).values()}
        if len(groups) > 1:
            pictures.merge_groups(session, sorted(groups), program.clock())

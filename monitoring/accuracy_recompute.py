"""Compute a row of accuracy again from the log, and say whether it is the same, bit for bit.

The row says of which stretch, version and slice it is and what it was tested against; there are no random numbers in
it. Predictions that retention has taken, or another method, make it impossible, and that is said.
"""

from dataclasses import asdict

from monitoring import accuracy_turns
from monitoring.accuracy_looks import METHOD, METHOD_OF_CLASS
from monitoring.recompute import Recomputed
from store import accuracies
from store.database import Database


def accuracy(database: Database, accuracy_id: str) -> Recomputed:
    """Raises NotFound when there is no such row."""
    with database.read() as session:
        method = accuracies.get(session, accuracy_id).method
        if method not in (METHOD, METHOD_OF_CLASS):
            why = f"it was made by another method ({method}) than this program's."
            return Recomputed(False, f"Accuracy {accuracy_id} cannot be computed again: {why}")
        kept, again = accuracy_turns.again(session, accuracy_id)
    before, left = kept.detail["answers"], again.detail["answers"]
    if left < before:
        why = f"of its {before} answers {left} are left."
        return Recomputed(False, f"Accuracy {accuracy_id} cannot be computed again: {why}")
    differences = [name for name, now in asdict(again).items() if getattr(kept, name) != now]
    if differences:
        told = " and ".join(differences)
        return Recomputed(False, f"Accuracy {accuracy_id} differs in its {told}.")
    told = f"{before} answers, {kept.labels} labels, method {method}"
    return Recomputed(True, f"Accuracy {accuracy_id} is the same, bit for bit: {told}.")

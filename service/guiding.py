"""The class guide as reviewers see it and operators write it: what each class means and what it looks like.

What was written stays; the newest text of a class is in force. A class without chosen examples shows some of the
pictures that the newest model was trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service import reviewing
from store import guides, models, pictures, privileged_acts, reviews, training_sets
from store.database import Session
from store.errors import Invalid
from store.rollouts import Actor

MOST_EXAMPLES = 6
MOST_CHOICES = 24
LONGEST_NAME = 200
LONGEST_DEFINITION = 2000


@dataclass(frozen=True)
class Entry:
    """A class in the guide; `examples` are digests, `chosen` says that people chose them."""

    name: str
    definition: str
    examples: tuple[str, ...]
    chosen: bool
    written_by: str | None
    written_at: datetime | None


def entries(session: Session) -> list[Entry]:
    """The classes that people choose from, in the order of their keys, with what is written about them."""
    written = guides.in_force(session)
    told = []
    for name in reviewing.classes(session):
        guide = written.get(name)
        chosen = tuple(guide.examples) if guide else ()
        told.append(
            Entry(
                name=name,
                definition=guide.definition if guide else "",
                examples=chosen or tuple(_trained_on(session, name, 3)),
                chosen=bool(chosen),
                written_by=guide.written_by if guide else None,
                written_at=guide.created_at if guide else None,
            )
        )
    return told


def may_add(session: Session) -> bool:
    """Whether classes may be added here: only until a model exists, which then says what its classes are."""
    return not models.newest_first(session, limit=1)


def choices(session: Session, name: str) -> list[str]:
    """Digests of pictures to choose examples from: the chosen ones, what people settled on, what was trained on."""
    guide = guides.in_force(session).get(name)
    found = [
        *(guide.examples if guide else ()),
        *reviews.settled_as(session, name, MOST_CHOICES),
        *_trained_on(session, name, MOST_CHOICES),
    ]
    return list(dict.fromkeys(found))


def write(
    session: Session,
    name: str,
    definition: str,
    examples: Sequence[str],
    actor: Actor,
    now: datetime,
) -> None:
    """What is in force from now on. Raises Invalid, and NotFound for a picture that is not kept."""
    name, definition = name.strip(), definition.strip()
    if not name or len(name) > LONGEST_NAME:
        raise Invalid(f"A class needs a name of at most {LONGEST_NAME} characters.", "class_name")
    if len(definition) > LONGEST_DEFINITION:
        raise Invalid(
            f"A definition has at most {LONGEST_DEFINITION} characters.", "long_definition"
        )
    if len(set(examples)) > MOST_EXAMPLES:
        raise Invalid(f"A class shows at most {MOST_EXAMPLES} examples.", "too_many_examples")
    if name not in reviewing.classes(session) and not may_add(session):
        raise Invalid(f"There is no class {name!r}.", "unknown_class")
    for digest in examples:
        pictures.get(session, digest)
    guides.write(session, name, definition, list(dict.fromkeys(examples)), actor.name, now)
    privileged_acts.record(session, actor, "guide", name, None, {"examples": len(examples)}, now)


def _trained_on(session: Session, name: str, limit: int) -> Sequence[str]:
    newest = models.newest_first(session, limit=1)
    if not newest or newest[0].training_set_id is None:
        return ()
    return training_sets.examples(session, newest[0].training_set_id, name, limit)

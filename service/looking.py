"""Look at a picture: what takes a core, once it is there as a whole.

Order: a core, the route, decode and measure, the model that answers, and those alongside begin to think. The route is
taken with the core in hand: whoever is stopped while a request waits answers nobody. Nothing is written here.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from classifier.classifier import Opinion
from classifier.core import Seen, see
from classifier.pictures import Limits, Picture
from service import answering, routing
from service.cores import Coming
from service.program import Program
from service.routing import Chance, Route
from service.shadowing import Asked
from service.standing import Loaded
from service.watch import Watch
from store.ids import new_id
from store.prediction_log import NewShadow
from store.scope import Requested


@dataclass(frozen=True)
class Ask:
    """What a consumer sent. Everything but the picture is optional and theirs to name; `consumer` is their name.

    `coming` is the place that it has in the queue for a core.
    """

    consumer_id: str
    image: bytes
    consumer: str = ""
    segment: str | None = None
    subject: str | None = None
    reference: str | None = None
    captured_at: datetime | None = None
    idempotency_key: str | None = None
    coming: Coming | None = None

    def sha256(self) -> str:
        """Covers the picture and every field, so that another request cannot pass for this one."""
        taken = self.captured_at.isoformat() if self.captured_at else None
        picture = hashlib.sha256(self.image).hexdigest()
        fields = [picture, self.segment, self.subject, self.reference, taken]
        return hashlib.sha256(json.dumps(fields).encode()).hexdigest()


@dataclass(frozen=True)
class Looked:
    """What was found out about one picture; `asked` are the models alongside that are still thinking.

    `answering` is None when no model looked, or those that should have could not: `failed` says which candidate.
    """

    picture: Picture
    route: Route
    answering: Loaded | None
    opinion: Opinion | None
    properties: dict[str, float]
    asked: tuple[Asked, ...]
    failed: tuple[NewShadow, ...]


def look(program: Program, ask: Ask, watch: Watch, *, again: bool) -> Looked:
    """Everything that takes a core: decode, measure, ask the model that answers; then begin to ask the others.

    `again`: who was let in before waits for a core however many do. Raises BadPicture, Busy and Unavailable.
    """
    arrived = perf_counter()
    with program.cores.work(ask.coming, patient=again):
        route = _route(program, ask)  # no sooner: whoever is stopped meanwhile answers nobody
        watch.note("wait", arrived)
        began = perf_counter()
        # under load nothing is carried about for whom nobody waits
        room = bool(route.alongside) and program.shadows.has_room()
        seen = _see(program, ask.image, route, room=room)
        answered = answering.answer(
            route, seen, program.settings.candidate_seconds,
            program.live.fail, program.live.answered,
        )  # fmt: skip
        watch.add("check", seen.check)
        watch.add("model", 1000 * (perf_counter() - began) - seen.check)
    by, failed = answered.by, {one.model_version_id for one in answered.failed}
    asked = (
        program.shadows.ask(one, seen.picture, seen.properties, room=room)
        for one in route.alongside
        if one is not by and one.model.version_id not in failed
    )
    thinking = tuple(one for one in asked if one is not None)
    return Looked(
        seen.picture, route, by, answered.opinion, seen.properties, thinking, answered.failed
    )


def _see(program: Program, image: bytes, route: Route, *, room: bool) -> Seen:
    """A candidate is not asked here, but where it can be given up; its pixels are there where it has `room`."""
    first = route.answering if route.answering and route.answering.model.stage == "full" else None
    limits = Limits(max_bytes=program.settings.max_upload_bytes)
    if program.core_processes is None:
        return see(image, limits, first.classifier if first else None)
    others = first is None or (room and any(one is not first for one in route.alongside))
    return program.core_processes.see(image, limits, first.folder if first else None, pixels=others)


def _route(program: Program, ask: Ask) -> Route:
    now, settings = program.clock(), program.settings
    # an id of the request's own, so that one without a subject is drawn by itself
    chance = Chance(settings.store.secret_key, new_id(now), settings.reverse_shadow_share)
    asked = Requested(ask.consumer, ask.segment, ask.subject)
    return routing.choose(program.live.standing, asked, now, chance)

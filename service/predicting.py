"""Turn uploaded bytes into a prediction that is kept before it is told.

Order: check the picture, route, ask the network, decide, draw the audit, ask the candidate, keep bytes and rows, answer.
Nothing is written before the network has answered, nothing is answered before the log has committed, nor by a model
that was stopped before. What the candidate says later is kept later: nobody waits for it.
"""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from classifier.pictures import Picture
from classifier.policy import Decision
from service import asking, counting, metrics
from service.answers import tell
from service.looking import Ask, Looked, look
from service.program import Program
from service.replaying import Answered
from service.watch import Watch
from store.draws import draw
from store.errors import Conflict, NotFound, StoreError, Unavailable
from store.ids import new_id
from store.pictures import NewPicture
from store.prediction_log import (
    STOPPED,
    Entry,
    FirstAnswer,
    LateShadow,
    NewPrediction,
    NewShadow,
)
from store.reviews import NewReview

# what people are asked, by whether another model said something else
Question = Callable[..., NewReview | None]


def predict(program: Program, ask: Ask) -> Answered:
    """The answer's bytes; they are in the database when this returns.

    Raises BadPicture, Busy when too many wait for a core, Unavailable when nothing can be kept, Conflict
    `idempotency_key_reused`.
    """
    key = ask.idempotency_key
    if key is None:
        return Answered(_predict(program, ask, None), replayed=False)
    sha256 = ask.sha256()
    return program.first_answers.give(
        ask.consumer_id,
        key,
        sha256,
        lambda: _predict(program, ask, sha256),
        # who waits for another's answer needs no core, and keeps no place before them
        ask.coming.end if ask.coming else lambda: None,
    )


def _predict(program: Program, ask: Ask, request_sha256: str | None) -> bytes:
    try:
        return _answer(program, ask, request_sha256)
    except Unavailable as error:
        if error.code != STOPPED:
            raise
    # the model was stopped meanwhile: another answers, or people, and nobody has to come again for that
    return _answer(program, ask, request_sha256, again=True)


def _answer(
    program: Program, ask: Ask, request_sha256: str | None, *, again: bool = False
) -> bytes:
    watch = Watch()
    with watch.phase("total"):
        seen = look(program, ask, watch, again=again)
        with watch.phase("bytes"):
            program.pictures.keep(ask.image)
        with watch.phase("shadow"):
            said = {one: program.shadows.collect(one) for one in seen.asked}
            shadows = (*seen.failed, *(one for one in said.values() if one is not None))
        row, review, question = _decide(program, ask, seen, shadows, watch)
        number = seen.answering.model.number if seen.answering else None
        answer = tell(row, number).as_bytes()
        first = None
        if ask.idempotency_key is not None and request_sha256 is not None:
            first = FirstAnswer(ask.idempotency_key, request_sha256, answer)
        with watch.phase("rows"):
            picture, late = _picture(seen.picture), [one for one in said if said[one] is None]
            awaited = tuple(one.model_version_id for one in late)
            by = seen.answering if row.answered_by == "model" else None
            still = partial(program.live.may_answer, by)
            _keep(program, Entry(row, picture, shadows, review, first, awaited, still))
    for one in late:
        one.answer.add_done_callback(
            partial(_keep_late, program, row, question, one.model_version_id)
        )
    counting.answer(row, number, seen.opinion.domain if seen.opinion else None)
    if review is not None:
        metrics.REVIEWS_OPENED.labels(review.lane).inc()
    return answer


def _decide(
    program: Program, ask: Ask, seen: Looked, shadows: tuple[NewShadow, ...], watch: Watch
) -> tuple[NewPrediction, NewReview | None, Question]:
    now = program.clock()
    prediction_id = new_id(now)
    opinion, audit_rate = seen.opinion, program.settings.audit_rate
    decision = (
        program.policy.decide(
            opinion.confidence, opinion.domain.inside, opinion.label, opinion.probabilities
        )
        if opinion is not None
        else Decision("hold", ())
    )
    supervised = _supervised(seen)
    held = decision.kind == "hold" or supervised
    # the server's own id is all that the draw knows: neither the picture nor what was said about it
    audited = draw(program.settings.store.secret_key, "audit", prediction_id) < audit_rate
    question = partial(
        asking.question,
        prediction_id,
        seen.picture.digest,
        held=held,
        audited=audited,
        rules=decision.reasons,
        doubled=draw(program.settings.store.secret_key, "doubles", prediction_id)
        < program.settings.doubles_rate,
    )
    review = question(disagreement=asking.differs(opinion.label if opinion else None, shadows))
    if supervised and review is not None:
        limit = timedelta(seconds=seen.route.hold_seconds or 0)
        review = replace(review, deadline=now + limit)
    row = NewPrediction(
        id=prediction_id,
        consumer_id=ask.consumer_id,
        segment=ask.segment,
        subject=ask.subject,
        reference=ask.reference,
        idempotency_key=ask.idempotency_key,
        picture_digest=seen.picture.digest,
        captured_at=ask.captured_at,
        created_at=now,
        **_opinion(seen),
        decision="hold" if held else decision.kind,
        reasons=list(review.reasons) if review else [],
        policy_digest=program.policy.digest if opinion else None,
        stage=seen.answering.model.stage if seen.answering else "manual",
        rollout_event_id=seen.route.event_id,
        status="pending" if held else "answered",
        answer=None if held or opinion is None else opinion.label,
        answered_by=None if held else "model",
        answered_at=None if held else now,
        audited=audited,
        audit_rate=audit_rate,
        milliseconds=dict(watch.milliseconds),
    )
    return row, review, question


def _supervised(seen: Looked) -> bool:
    """Whether the candidate answers in a scope that lets a person look first."""
    return seen.route.hold_seconds is not None and seen.answering is seen.route.answering


def _opinion(seen: Looked) -> dict[str, Any]:
    """The columns that a model fills; without one they are empty, but for the picture's own properties."""
    opinion, answering = seen.opinion, seen.answering
    domain = opinion.domain if opinion else None
    return {
        "label": opinion.label if opinion else None,
        "confidence": opinion.confidence if opinion else None,
        "probabilities": opinion.probabilities if opinion else None,
        "model_version_id": answering.model.version_id if answering else None,
        "engine": answering.classifier.engine.name if answering else None,
        "precision": answering.classifier.engine.precision if answering else None,
        "properties": seen.properties,
        "look_score": domain.look_score if domain else None,
        "look_p": domain.look_p if domain else None,
        "feature_score": domain.feature_score if domain else None,
        "feature_p": domain.feature_p if domain else None,
        "domain_score": domain.score if domain else None,
        "domain_p": domain.p if domain else None,
        "inside": domain.inside if domain else None,
        "domain_reasons": list(domain.reasons) if domain else [],
        "features": opinion.projected if opinion else None,
    }


def _picture(picture: Picture) -> NewPicture:
    return NewPicture(
        digest=picture.digest,
        format=picture.format,
        size_bytes=picture.size_bytes,
        width=picture.width,
        height=picture.height,
    )


def _keep(program: Program, entry: Entry) -> None:
    try:
        program.log.keep(entry)
    except StoreError as error:
        program.unnamed.add(entry.prediction.picture_digest)
        if error.code == "idempotency_twin" or not isinstance(error, Conflict | NotFound):
            raise
        # there is nothing of the consumer's that could be in conflict, or lacking
        raise Unavailable(
            "The answer could not be kept: send the picture again.", "not_kept"
        ) from error


def _keep_late(
    program: Program, row: NewPrediction, question: Question, version: str, said: Future[NewShadow]
) -> None:
    """In the candidate's thread, once the answer that it came too late for has been kept."""
    # nothing where it was left out
    shadow = said.result() if said.exception() is None else None
    differs = shadow is not None and asking.differs(row.label, (shadow,))
    # where people are asked already, in whatever lane, the question gets a reason more
    review = question(disagreement=True) if differs else None
    # when the process ends, what nobody was told may be missing: that it is awaited stays written
    with suppress(Unavailable):
        program.log.add(LateShadow(row.id, row.created_at, version, shadow, review))

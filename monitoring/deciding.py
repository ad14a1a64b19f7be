"""One look at one candidate: which rows there are, what they say, what follows. Written so that it can be done again.

Order: who is compared with whom, the evidence up to a number of pairs and as of a moment, the verdict, the act. What
is kept of it names the number and the moment, so that `monitoring.replaying` comes to the same, whatever comes later.
It reads only, and it moves nobody.
"""

from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from monitoring import acting, evidence_rule, forecast, verdicts
from monitoring.acting import Act, Standing
from monitoring.action_guard import Changed
from monitoring.evidence_rule import Rule
from monitoring.paired import Paired
from monitoring.prefix import Alike, Differ, Lost, Outcome, Said
from monitoring.reader_error import Doubles
from monitoring.verdicts import Answers
from store import models, pairs, readings, rollout_events, rollouts
from store.database import Session
from store.decisions import NewDecision
from store.readings import Reading
from store.tables import Pair

# of the pictures that two people read, so many of the newest tell the readers' error
MOST_DOUBLES = 1000


@dataclass(frozen=True)
class Candidacy:
    """Who is compared with whom, and where the candidate stands. `step` is the event that began this step, at `began`.

    What counts begins with the step `since`: before it the candidate was compared with another version. Without an incumbent there is nothing to be compared with: it is held, and people let it through.
    """

    rollout_id: str
    candidate_id: str
    incumbent_id: str | None
    stage: str
    share: float
    step: int
    began: datetime
    since: int = 0


def candidacies(session: Session) -> list[Candidacy]:
    """The candidate on its way against who answers, and who answers against the one before; none, one or both."""
    live = rollouts.live(session)
    both = [(live.candidate, live.incumbent), (live.incumbent, live.previous)]
    found = []
    for mine, other in both:
        if mine is None or (other is None and mine.stage == "full"):
            continue
        steps = rollout_events.steps(session, mine.rollout_id)
        if steps:
            now = steps[-1]
            found.append(
                Candidacy(
                    mine.rollout_id, mine.version_id, other.version_id if other else None,
                    mine.stage, mine.share, now.event_id, now.at,
                    max((one.event_id for one in steps if one.anew), default=0),
                )
            )  # fmt: skip
    return found


def evidence(
    session: Session,
    candidacy: Candidacy,
    classes: int,
    rule: Rule,
    until: int,
    as_of: datetime,
) -> Paired:
    """What pairs up to number `until` and labels as of `as_of` say; without a look taken."""
    who = candidacy.rollout_id
    read_twice = readings.doubles(session, as_of, MOST_DOUBLES)
    answered = pairs.answered(session, who, until, rule.slow_milliseconds)
    made = Paired(
        rule,
        classes,
        candidacy.step,
        candidacy.stage == "full",
        Answers(answered.all, answered.failed, answered.slow),
        Doubles(len(read_twice), sum(one != other for one, other in read_twice)),
    )
    alike: dict[int, list[Alike]] = defaultdict(list)
    for run in pairs.runs(session, who, until, candidacy.since):
        alike[run.after].append(Alike(run.count, run.step if run.inside else None))
    single = pairs.single(session, who, until, candidacy.since)
    for place in range(len(single) + 1):
        for same in alike[place]:
            made.add(same)
        if place < len(single):
            made.add(_pair(single[place]))
    by_prediction = {one.prediction_id: one for one in single}
    for reading in readings.first_readings(session, who, until, as_of, candidacy.since):
        made.said(reading.prediction_id, _said(by_prediction[reading.prediction_id], reading))
    return made


def decide(
    session: Session,
    candidacy: Candidacy,
    rule: Rule,
    until: int,
    as_of: datetime,
    standing: Standing,
    shares: tuple[float, ...],
    actions: Changed,
) -> tuple[Act, NewDecision]:
    """The verdict and what follows from it, with the row that keeps both; `actor` in it is still to be named."""
    candidate = models.get(session, candidacy.candidate_id)
    against = candidacy.incumbent_id
    incumbent = models.get(session, against) if against is not None else None
    classes = len(candidate.classes)
    paired = evidence(session, candidacy, classes, rule, until, as_of)
    paired.actions = actions
    judgement = paired.look(as_of)
    act = acting.act(judgement, standing, shares)
    if incumbent is None:
        act = Act("hold", ("incumbent",))
    waits = forecast.waits(paired.seen, judgement, rule, candidacy.began, as_of)
    return act, NewDecision(
        rollout_id=candidacy.rollout_id,
        stage=candidacy.stage,
        verdict=act.verdict,
        rule_version=evidence_rule.VERSION,
        versions={
            "candidate": {"id": candidate.id, "number": candidate.number},
            "incumbent": {"id": incumbent.id, "number": incumbent.number} if incumbent else None,
            "classes": classes,
        },
        ids={
            "step": candidacy.step,
            "since": candidacy.since,
            "began": candidacy.began.isoformat(),
            "pairs": until,
            "as_of": as_of.isoformat(),
        },
        values={
            **verdicts.as_json(paired.seen, judgement),
            "waiting": paired.waiting,
            "waits": waits.as_json(),
            "act": _kept(act),
            "standing": {**asdict(standing), "forbidden": list(standing.forbidden)},
            "shares": list(shares),
        },
        thresholds={"rule": rule.as_json(), "logs": dict(verdicts.thresholds(rule, classes))},
        actor="",
    )


def as_of_now(now: datetime, settle_seconds: float) -> datetime:
    """The moment up to which labels count: what is younger may still be on its way into the database, or be undone."""
    return now - timedelta(seconds=settle_seconds)


def _pair(row: Pair) -> Differ | Lost:
    step = row.step if row.inside else None
    if row.kind == "lost" or row.deadline is None:
        return Lost(1, step)
    return Differ(row.prediction_id, step, row.deadline)


def _said(pair: Pair, reading: Reading) -> Said:
    outcomes: dict[str | None, Outcome] = {
        pair.incumbent_label: "loss",
        pair.candidate_label: "win",
        None: "tie",
    }
    return Said(outcomes.get(reading.label, "tie"), reading.label, reading.at)


def _kept(act: Act) -> dict[str, Any]:
    return {
        "verdict": act.verdict,
        "because": list(act.because),
        "move": act.move,
        "advised": act.advised,
        "share": act.share,
    }

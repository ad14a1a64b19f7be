"""A small typed client of the API, as a consumer or an operator would write one.

What the service refuses for the moment (429, 503) and what the network or a proxy loses (502, 504) is sent again, as
long as told to wait and not for ever. Predictions go out with an Idempotency-Key, so that sending one again never makes a second one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx

# nothing was done; and nobody knows whether it was
AGAIN, LOST = frozenset({429, 503}), frozenset({502, 504})


class Refused(Exception):
    """A problem that sending again would not change. `code` (and `reason` for pictures) is for programs."""

    def __init__(self, problem: dict[str, Any], status: int) -> None:
        super().__init__(problem.get("detail") or f"HTTP {status}")
        self.status = status
        self.code: str = problem.get("code", "")
        self.reason: str | None = problem.get("reason")
        self.problem = problem


@dataclass(frozen=True)
class Domain:
    """How much the picture is like those the model was made for."""

    inside: bool
    look_p: float
    feature_p: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """One prediction, as far as it is answered; `label` is None while a person is being asked."""

    id: str
    status: str
    answered_by: str | None
    label: str | None
    confidence: float | None
    probabilities: dict[str, float] | None
    domain: Domain | None
    stage: str
    model_version: int | None
    reference: str | None
    created_at: datetime


@dataclass(frozen=True)
class Moved:
    """A promotion, a withdrawal or a revert; `answering` is the version that answers now, None for people."""

    event_id: int
    moved: int
    answering: int | None
    confirmed_by: list[str] = field(default_factory=list)


class Client:
    """`attempts` in all for one call; `pause` is how it waits (seconds) between two of them."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        attempts: int = 5,
        timeout: float = 60.0,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._attempts, self._pause = attempts, pause
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=timeout
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def predict(
        self,
        image: bytes,
        *,
        segment: str | None = None,
        subject: str | None = None,
        reference: str | None = None,
        captured_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Send a picture. Raises Refused."""
        fields = {
            "segment": segment,
            "subject": subject,
            "reference": reference,
            "captured_at": captured_at.isoformat() if captured_at else None,
        }
        told = self._call(
            "POST",
            "/v1/predictions",
            files={"image": ("picture", image)},
            data={name: value for name, value in fields.items() if value is not None},
            headers={"Idempotency-Key": idempotency_key or str(uuid4())},
        )
        return _answer(told)

    def get(self, prediction_id: str) -> Answer:
        """The answer as it stands now."""
        return _answer(self._call("GET", f"/v1/predictions/{prediction_id}"))

    def feedback(
        self,
        prediction_id: str,
        *,
        label: str | None = None,
        correct: bool | None = None,
        note: str | None = None,
    ) -> dict[str, Any]:
        """Say the right class, or whether the answer was right."""
        said = {"label": label, "correct": correct, "note": note}
        return self._call("POST", f"/v1/predictions/{prediction_id}/feedback", json=said)

    def models(self) -> list[dict[str, Any]]:
        """Model versions, newest first. Needs an operator's key, as all that follow."""
        listed: list[dict[str, Any]] = self._call("GET", "/v1/models")["models"]
        return listed

    def promote(self, number: int, reason: str, *, although_held: bool = False) -> Moved:
        """Let a version answer everything; `although_held`: though monitoring has not found it to be not worse."""
        said = {"reason": reason, "although_held": although_held}
        return Moved(**self._call("POST", f"/v1/models/{number}/promote", json=said))

    def preflight(self, number: int, **given: Any) -> list[str]:
        """Answer the questions before a rollout (`answers`, `risks`, `scope`, `steps`); what is still lacking."""
        lacks: list[str] = self._call("PUT", f"/v1/models/{number}/preflight", json=given)["lacks"]
        return lacks

    def limit(
        self,
        number: int,
        reason: str,
        scope: dict[str, Any] | None = None,
        *,
        although_held: bool = False,
    ) -> dict[str, Any]:
        """Let a candidate answer inside a scope: the one given, else the planned one."""
        said = {"reason": reason, "scope": scope, "although_held": although_held}
        return self._call("POST", f"/v1/models/{number}/limit", json=said)

    def expand(
        self,
        number: int,
        reason: str,
        share: float | None = None,
        *,
        although_held: bool = False,
    ) -> dict[str, Any]:
        """Let a candidate answer for a share: the one given, else the next planned step."""
        said = {"reason": reason, "share": share, "although_held": although_held}
        return self._call("POST", f"/v1/models/{number}/expand", json=said)

    def fall_back(self, number: int, reason: str) -> dict[str, Any]:
        """Let a candidate run alongside again."""
        return self._call("POST", f"/v1/models/{number}/fall-back", json={"reason": reason})

    def rollout(self) -> dict[str, Any]:
        """Where the candidate stands, and how the switches do."""
        return self._call("GET", "/v1/rollout")

    def audit_trail(self) -> list[dict[str, Any]]:
        """Every rollout event and every privileged act, oldest first."""
        return self._call("GET", "/v1/audit-trail")  # type: ignore[return-value]  # this one is a list

    def kill(self, reason: str, to: str = "manual") -> str:
        """Stop all models (`manual`) or the newest that answers anybody (`last_good`), at once; what stopped."""
        return str(self._call("POST", "/v1/kill", json={"reason": reason, "to": to})["target"])

    def switch(self, name: str, reason: str) -> dict[str, Any]:
        """`release` after a kill, `freeze` or `unfreeze`; how the switches stand."""
        return self._call("POST", f"/v1/{name}", json={"reason": reason})

    def withdraw(self, number: int, reason: str) -> Moved:
        """Take a candidate off its way."""
        return Moved(**self._call("POST", f"/v1/models/{number}/withdraw", json={"reason": reason}))

    def revert(self, reason: str) -> Moved:
        """Take back the version that answers."""
        return Moved(**self._call("POST", "/v1/revert", json={"reason": reason}))

    def alarms(self) -> list[dict[str, Any]]:
        """Open ones first, then the newest first."""
        listed: list[dict[str, Any]] = self._call("GET", "/v1/alarms")["alarms"]
        return listed

    def clear_alarm(self, alarm_id: str, reason: str) -> dict[str, Any]:
        """Say that an alarm is over."""
        return self._call("POST", f"/v1/alarms/{alarm_id}/clear", json={"reason": reason})

    def retrain(self) -> str:
        """Ask for a new version; the id of the job."""
        return str(self._call("POST", "/v1/retrain")["job_id"])

    def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        # what may be sent again after the connection broke: it reads, or carries a key of its own
        again = method == "GET" or "headers" in request
        attempt = 0
        while True:
            attempt += 1
            last = attempt >= self._attempts
            try:
                response = self._http.request(method, path, **request)
            except httpx.TransportError:
                if last or not again:
                    raise
                self._pause(1.0)
                continue
            if last or response.status_code not in (AGAIN | LOST if again else AGAIN):
                return _told(response)
            self._pause(_wait(response))


def _told(response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        raise Refused(_problem(response), response.status_code)
    told: dict[str, Any] = response.json()
    return told


def _wait(response: httpx.Response) -> float:
    said = response.headers.get("retry-after", "")
    return float(said) if said.isdigit() else 1.0


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        told = response.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _answer(told: dict[str, Any]) -> Answer:
    domain = told.pop("domain")
    if domain is not None:
        domain = Domain(
            domain["inside"], domain["look_p"], domain["feature_p"], tuple(domain["reasons"])
        )
    return Answer(
        **{**told, "created_at": datetime.fromisoformat(told["created_at"])}, domain=domain
    )

"""The sign-in, the key and the secret of this machine's own Ursa, in one file that only its owner can read."""

import os
import secrets
from dataclasses import dataclass, fields
from pathlib import Path

from deploy.checks import Refused
from store import embedded

_HEAD = """\
# Made by `make run` for Ursa on this machine; only you can read it. Keep it with the database beside it.
"""


@dataclass(frozen=True)
class Local:
    """What local.env holds: one line for each field, its name in capitals."""

    ursa_secret_key: str
    admin_name: str
    admin_password: str
    reviewer_name: str
    reviewer_password: str
    api_key: str


def read_or_make(path: Path, new_key: str) -> Local:
    """What the file says; without a file, new secrets (with `new_key` as the API key), kept with mode 0600."""
    if path.exists():
        return _read(path)
    # a first model alone needs none of this
    if embedded.has_people(path.parent / "ursa.db"):
        raise Refused(
            f"{path} is gone, and the database beside it cannot be used without it: put it back, or "
            "start afresh with another folder, DATA=."
        )
    made = Local(
        ursa_secret_key=secrets.token_urlsafe(48),
        admin_name="admin",
        admin_password=secrets.token_urlsafe(15),
        reviewer_name="reviewer",
        reviewer_password=secrets.token_urlsafe(15),
        api_key=new_key,
    )
    _keep(path, _HEAD + "".join(f"{name.upper()}={value}\n" for name, value in vars(made).items()))
    return made


def _read(path: Path) -> Local:
    try:
        lines = [line for line in path.read_text().splitlines() if "=" in line]
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from error
    said = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    for field in fields(Local):
        if not said.get(field.name.upper()):
            raise Refused(f"{path} has no {field.name.upper()}: put the whole file back.")
    return Local(**{field.name: said[field.name.upper()] for field in fields(Local)})


def _keep(path: Path, text: str) -> None:
    # whole or not at all, and never readable by others, not even for a moment
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)

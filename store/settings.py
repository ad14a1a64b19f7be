"""What every program must know to reach the store, and how a setting is read. Read once at the start, passed in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from store.errors import Invalid


@dataclass(frozen=True)
class StoreSettings:
    """`database_url` as SQLAlchemy writes it; `storage_url` a folder or `s3://`, `gs://`, `az://`.

    `secret_key` keys every HMAC (audit draw, routing, the tokens of forms); at least 32 characters, no default.
    """

    database_url: str
    storage_url: str
    secret_key: str


# where `make run` keeps the secrets of the Ursa in this folder
LOCAL = Path("data/local.env")
_SECRET = "URSA_SECRET_KEY"  # noqa: S105  # the name of a variable


def of_this_machine(environ: Mapping[str, str], local: Path = LOCAL) -> Mapping[str, str]:
    """The environment; where it has no secret key, the one that `make run` has made for this folder.

    So that a command typed by hand reaches the Ursa that `make run` started, whose other settings are the defaults.
    """
    if _SECRET in environ or not local.is_file():
        return environ
    lines = local.read_text().splitlines()
    found = [line.partition("=")[2] for line in lines if line.startswith(f"{_SECRET}=")]
    return {**environ, _SECRET: found[0]} if found else environ


def read_store_settings(environ: Mapping[str, str], *, needs_secret: bool = True) -> StoreSettings:
    """Raises Invalid with one sentence when a setting is missing or unusable.

    Only who signs or draws needs the secret; for the others it may be empty.
    """
    secret = environ.get(_SECRET, "")
    if len(secret) < 32 and (needs_secret or secret):
        raise Invalid(f"{_SECRET} must be set to at least 32 random characters.")
    return StoreSettings(
        database_url=environ.get("URSA_DATABASE_URL", "sqlite:///data/ursa.db"),
        storage_url=environ.get("URSA_STORAGE_URL", "data/storage"),
        secret_key=secret,
    )


def number(environ: Mapping[str, str], name: str, default: float) -> float:
    """The setting `name`. Raises Invalid when it is no number."""
    try:
        return float(environ.get(name, default))
    except ValueError:
        raise Invalid(f"{name} must be a number, not {environ[name]!r}.") from None


def whole(environ: Mapping[str, str], name: str, default: int) -> int:
    """The setting `name`. Raises Invalid when it is no whole number."""
    try:
        return int(environ.get(name, default))
    except ValueError:
        raise Invalid(f"{name} must be a whole number, not {environ[name]!r}.") from None

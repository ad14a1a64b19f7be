"""The environment: what `make run` hands to the programs, and which database `make migrate` is told."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.checks import number_of_port

_SECRET = "URSA_SECRET_KEY"  # noqa: S105  # the name of a variable
_METRICS = ("URSA_MONITORING_METRICS_PORT", "URSA_RETRAIN_METRICS_PORT")


def read_ports(port: str) -> dict[str, int]:
    """Number by what chooses it: PORT for the service, and for the metrics of the others a variable each, by
    default the next two ports; 0 is none. Raises Refused.
    """
    first = number_of_port("PORT", port)
    said = {name: os.environ.get(name, str(first + n)) for n, name in enumerate(_METRICS, 1)}
    return {"PORT": first, **{name: number_of_port(name, said[name], least=0) for name in said}}


def environment_for(data: Path, secret_key: str, ports: Mapping[str, int]) -> dict[str, str]:
    """Every variable of the three programs, with this Python first on the PATH."""
    here = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": os.pathsep.join([here, os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        # training beside other programs: threads that spin while they wait take the cores from those they wait for
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
        "URSA_DATABASE_URL": database_url(data),
        "URSA_STORAGE_URL": str(data / "storage"),
        "URSA_SECRET_KEY": secret_key,
        "URSA_HOST": "127.0.0.1",
        "URSA_PORT": str(ports["PORT"]),
        **{name: str(ports[name]) for name in _METRICS},
        "URSA_MONITORING_METRICS_HOST": "127.0.0.1",
        "URSA_RETRAIN_METRICS_HOST": "127.0.0.1",
        "URSA_BUNDLE_CACHE": str(data / "bundles"),
        # below the patience of deploy.programs: an open page must not hold up Ctrl-C
        "URSA_STOP_SECONDS": "5",
        # nothing stands before it that would have to notice
        "URSA_DRAIN_SECONDS": "0",
    }


def database_url(data: Path) -> str:
    """The SQLite database of a data folder, as SQLAlchemy writes it."""
    return f"sqlite:///{data / 'ursa.db'}"


def named_database() -> str:
    """The database that the environment names; empty when it names none."""
    return os.environ.get("URSA_DATABASE_URL", "")


def named_store(data: Path) -> tuple[str, str]:
    """Database and storage that the environment names, else those that `make run` keeps in the folder `data`."""
    database, storage = _store(data).values()
    return database, storage


def to_be_named(data: Path) -> Iterator[str]:
    """What to type first where the environment does not name them, so that other programs find the same database and
    storage; the secret key is read from the folder's `local.env`, and not shown.
    """
    lacking = {name: value for name, value in _store(data).items() if name not in os.environ}
    if not lacking:
        return
    yield f"export {' '.join(f'{name}={shlex.quote(one)}' for name, one in lacking.items())}"
    if _SECRET not in os.environ:
        kept = shlex.quote(str(data / "local.env"))
        yield f"""export {_SECRET}="$(sed -n 's/^{_SECRET}=//p' {kept})"  # where that file is back"""


def _store(data: Path) -> dict[str, str]:
    usual = {"URSA_DATABASE_URL": database_url(data), "URSA_STORAGE_URL": str(data / "storage")}
    return {name: os.environ.get(name, value) for name, value in usual.items()}

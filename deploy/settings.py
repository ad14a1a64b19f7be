"""The environment: what `make run` hands to the programs, and which database `make migrate` is told."""

import os
import sys
from pathlib import Path


def environment_for(data: Path, secret_key: str, port: int) -> dict[str, str]:
    """Every variable of the three programs, with this Python first on the PATH."""
    here = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": os.pathsep.join([here, os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "URSA_DATABASE_URL": database_url(data),
        "URSA_STORAGE_URL": str(data / "storage"),
        "URSA_SECRET_KEY": secret_key,
        "URSA_HOST": "127.0.0.1",
        "URSA_PORT": str(port),
        "URSA_BUNDLE_CACHE": str(data / "bundles"),
        # below the patience of deploy.programs: an open page must not hold up Ctrl-C
        "URSA_STOP_SECONDS": "5",
    }


def database_url(data: Path) -> str:
    """The SQLite database of a data folder, as SQLAlchemy writes it."""
    return f"sqlite:///{data / 'ursa.db'}"


def named_database() -> str:
    """The database that the environment names; empty when it names none."""
    return os.environ.get("URSA_DATABASE_URL", "")

"""What the web process must know. Read once at the start and passed in; nothing else reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from store.errors import Invalid
from store.settings import StoreSettings, number, of_this_machine, read_store_settings, whole

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Settings:
    """Seconds, bytes and shares. `docs/reference/service.md` says what each is good for.

    `threads` work on requests; `inside_limit` of them at most on predictions, so that health checks and pages
    always find one. `cores` requests decode or run the network at the same time, `queue_per_core` more wait for
    each, or as many as are served within `queue_seconds`. `uploads_bytes` is what all bodies may take in memory, `connections` how many there may be.
    """

    store: StoreSettings
    host: str = "127.0.0.1"
    port: int = 8000
    threads: int = 40
    inside_limit: int = 32
    cores: int = 2
    core_processes: bool = True
    queue_per_core: int = 4
    queue_seconds: float = 0.06
    connections: int = 2000
    uploads_bytes: int = 256 * MEBIBYTE
    max_upload_bytes: int = 20 * MEBIBYTE
    upload_seconds: float = 30.0
    rate_per_second: float = 100.0
    rate_burst: int = 200
    audit_rate: float = 0.05
    doubles_rate: float = 0.1
    shadow_seconds: float = 0.0
    candidate_seconds: float = 2.0
    candidate_bytes: int = 1024 * MEBIBYTE
    reverse_shadow_share: float = 0.2
    policy_file: Path = Path("policy.toml")
    bundle_cache: Path = Path("data/bundles")
    poll_seconds: float = 0.5
    lease_seconds: float = 120.0
    drain_seconds: float = 1.0
    stop_seconds: int = 30
    database_seconds: float = 10.0
    webhook_private: bool = False

    def __post_init__(self) -> None:
        sensible = {
            "URSA_INSIDE_LIMIT must be above 0 and below URSA_THREADS.": 0
            < self.inside_limit
            < self.threads,
            # at 0 nobody would ever know how right the answers are
            "URSA_AUDIT_RATE must be above 0 and at most 1.": 0 < self.audit_rate <= 1,
            "URSA_REVERSE_SHADOW_SHARE must be between 0 and 1.": 0
            <= self.reverse_shadow_share
            <= 1,
            "URSA_DOUBLES_RATE must be between 0 and 1.": 0 <= self.doubles_rate <= 1,
            "URSA_PORT must be between 0 and 65535.": 0 <= self.port <= 65535,
            "URSA_QUEUE_SECONDS must be 0 or more.": self.queue_seconds >= 0,
            "URSA_DRAIN_SECONDS must be 0 or more.": self.drain_seconds >= 0,
            # one that comes in slowly must not keep every other one out
            "URSA_UPLOADS_BYTES must be at least twice URSA_MAX_UPLOAD_BYTES.": self.uploads_bytes
            >= 2 * self.max_upload_bytes,
            **{f"{name} must be above 0.": value > 0 for name, value in self._positive().items()},
        }
        for sentence, holds in sensible.items():
            if not holds:
                raise Invalid(sentence)

    def _positive(self) -> dict[str, float]:
        return {
            "URSA_CORES": self.cores,
            "URSA_QUEUE_PER_CORE": self.queue_per_core,
            "URSA_CONNECTIONS": self.connections,
            "URSA_MAX_UPLOAD_BYTES": self.max_upload_bytes,
            "URSA_UPLOAD_SECONDS": self.upload_seconds,
            "URSA_RATE_PER_SECOND": self.rate_per_second,
            "URSA_RATE_BURST": self.rate_burst,
            "URSA_CANDIDATE_SECONDS": self.candidate_seconds,
            "URSA_CANDIDATE_BYTES": self.candidate_bytes,
            "URSA_POLL_SECONDS": self.poll_seconds,
            "URSA_LEASE_SECONDS": self.lease_seconds,
            "URSA_DATABASE_SECONDS": self.database_seconds,
        }


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """From the environment unless another mapping is given. Raises Invalid with one sentence."""
    given = of_this_machine(os.environ) if environ is None else environ
    return Settings(
        store=read_store_settings(given),
        host=given.get("URSA_HOST", "127.0.0.1"),
        port=whole(given, "URSA_PORT", 8000),
        threads=whole(given, "URSA_THREADS", 40),
        inside_limit=whole(given, "URSA_INSIDE_LIMIT", 32),
        cores=whole(given, "URSA_CORES", os.cpu_count() or 1),
        core_processes=given.get("URSA_CORE_PROCESSES", "1") == "1",
        queue_per_core=whole(given, "URSA_QUEUE_PER_CORE", 4),
        queue_seconds=number(given, "URSA_QUEUE_SECONDS", 0.06),
        connections=whole(given, "URSA_CONNECTIONS", 2000),
        uploads_bytes=whole(given, "URSA_UPLOADS_BYTES", 256 * MEBIBYTE),
        max_upload_bytes=whole(given, "URSA_MAX_UPLOAD_BYTES", 20 * MEBIBYTE),
        upload_seconds=number(given, "URSA_UPLOAD_SECONDS", 30.0),
        rate_per_second=number(given, "URSA_RATE_PER_SECOND", 100.0),
        rate_burst=whole(given, "URSA_RATE_BURST", 200),
        audit_rate=number(given, "URSA_AUDIT_RATE", 0.05),
        doubles_rate=number(given, "URSA_DOUBLES_RATE", 0.1),
        shadow_seconds=number(given, "URSA_SHADOW_SECONDS", 0.0),
        candidate_seconds=number(given, "URSA_CANDIDATE_SECONDS", 2.0),
        candidate_bytes=whole(given, "URSA_CANDIDATE_BYTES", 1024 * MEBIBYTE),
        reverse_shadow_share=number(given, "URSA_REVERSE_SHADOW_SHARE", 0.2),
        policy_file=Path(given.get("URSA_POLICY_FILE", "policy.toml")),
        bundle_cache=Path(given.get("URSA_BUNDLE_CACHE", "data/bundles")),
        poll_seconds=number(given, "URSA_POLL_SECONDS", 0.5),
        lease_seconds=number(given, "URSA_LEASE_SECONDS", 120.0),
        drain_seconds=number(given, "URSA_DRAIN_SECONDS", 1.0),
        stop_seconds=whole(given, "URSA_STOP_SECONDS", 30),
        database_seconds=number(given, "URSA_DATABASE_SECONDS", 10.0),
        webhook_private=given.get("URSA_WEBHOOK_PRIVATE", "0") == "1",
    )


_FOR_CORES = ("PATH", "HOME", "LANG", "LC_", "TZ", "TMPDIR", "LD_", "PYTHON", "VIRTUAL_ENV")


def core_environment(root: Path) -> dict[str, str]:
    """What a process that works on one picture at a time is given: one core, this code at `root`, no secret."""
    # what others find their keys and passwords by (AWS_, PG, ...) is not theirs either
    mine = {name: value for name, value in os.environ.items() if name.startswith(_FOR_CORES)}
    paths = (str(root), mine.get("PYTHONPATH", ""))
    return {
        **mine,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        # glibc would keep what the largest picture took, in pieces: what usual ones take stays, and what is more goes back
        "MALLOC_MMAP_THRESHOLD_": str(8 * 2**20),
        "MALLOC_TRIM_THRESHOLD_": str(16 * 2**20),
    }

"""What the retrain program must know. Read once at the start and passed in; nothing else reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from store.errors import Invalid
from store.settings import StoreSettings, number, of_this_machine, read_store_settings, whole


@dataclass(frozen=True)
class RetrainSettings:
    """`threads` do the arithmetic; `device` is auto, cpu, cuda or mps; `epochs`, `rate` and `repeats` of a retraining.

    Without a `metrics_port` (0) no metrics are served. `docs/reference/retrain.md` says what each is good for.
    """

    store: StoreSettings
    bundle_cache: Path = Path("data/bundles")
    threads: int = 2
    device: str = "auto"
    epochs: int = 8
    batch_size: int = 32
    rate: float = 1e-3
    repeats: int = 1
    poll_seconds: float = 1.0
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0

    def __post_init__(self) -> None:
        positive = {
            "URSA_RETRAIN_THREADS": self.threads,
            "URSA_RETRAIN_EPOCHS": self.epochs,
            "URSA_RETRAIN_BATCH_SIZE": self.batch_size,
            "URSA_RETRAIN_RATE": self.rate,
            "URSA_RETRAIN_REPEATS": self.repeats,
            "URSA_RETRAIN_POLL_SECONDS": self.poll_seconds,
        }
        for name, value in positive.items():
            if not value > 0:
                raise Invalid(f"{name} must be above 0.")
        if self.device not in DEVICES:
            raise Invalid(f"URSA_RETRAIN_DEVICE must be one of {', '.join(DEVICES)}.")
        if not 0 <= self.metrics_port <= 65535:
            raise Invalid("URSA_RETRAIN_METRICS_PORT must be between 0 and 65535.")


DEVICES = ("auto", "cpu", "cuda", "mps")


def read_settings(environ: Mapping[str, str] | None = None) -> RetrainSettings:
    """From the environment unless another mapping is given. Raises Invalid with one sentence."""
    given = of_this_machine(os.environ) if environ is None else environ
    return RetrainSettings(
        store=read_store_settings(given, needs_secret=False),
        bundle_cache=Path(given.get("URSA_BUNDLE_CACHE", "data/bundles")),
        threads=whole(given, "URSA_RETRAIN_THREADS", os.cpu_count() or 1),
        device=given.get("URSA_RETRAIN_DEVICE", "auto"),
        epochs=whole(given, "URSA_RETRAIN_EPOCHS", 8),
        batch_size=whole(given, "URSA_RETRAIN_BATCH_SIZE", 32),
        rate=number(given, "URSA_RETRAIN_RATE", 1e-3),
        repeats=whole(given, "URSA_RETRAIN_REPEATS", 1),
        poll_seconds=number(given, "URSA_RETRAIN_POLL_SECONDS", 1.0),
        metrics_host=given.get("URSA_RETRAIN_METRICS_HOST", "127.0.0.1"),
        metrics_port=whole(given, "URSA_RETRAIN_METRICS_PORT", 0),
    )

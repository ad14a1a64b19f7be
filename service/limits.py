"""How fast one may come: token buckets in this process's memory."""

import threading
from dataclasses import dataclass


@dataclass
class _Bucket:
    tokens: float
    at: float


class TokenBuckets:
    """`rate` tokens a second flow into each bucket, up to `burst`. Buckets that are full again are forgotten."""

    def __init__(self, rate: float, burst: int, most: int = 10_000) -> None:
        self._rate, self._burst, self._most = rate, float(burst), most
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, key: str, now: float) -> float:
        """0.0 when there was a token to take, else the seconds until there is one; a clock that is set back gives none."""
        with self._lock:
            if len(self._buckets) >= self._most:
                self._forget(now)
            bucket = self._buckets.setdefault(key, _Bucket(self._burst, now))
            bucket.tokens = self._filled(bucket, now)
            bucket.at = now
            if bucket.tokens < 1:
                return (1 - bucket.tokens) / self._rate
            bucket.tokens -= 1
            return 0.0

    def _filled(self, bucket: _Bucket, now: float) -> float:
        # nobody owes tokens because a clock was set back
        return min(self._burst, bucket.tokens + max(0.0, now - bucket.at) * self._rate)

    def _forget(self, now: float) -> None:
        self._buckets = {
            key: bucket
            for key, bucket in self._buckets.items()
            if self._filled(bucket, now) < self._burst
        }

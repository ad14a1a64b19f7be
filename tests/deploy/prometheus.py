"""A real Prometheus of a test's own: the committed configuration, other addresses and a faster pace."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.deploy.watching import PROMETHEUS

_COMPARISON = re.compile(r" (==|!=|>=|<=|>|<) ")
_VARIABLES = {"$__rate_interval": "10m", "$job": ".+", "$instance": ".+", "$version": ".+", "$segment": ".+"}  # fmt: skip


@dataclass(frozen=True)
class Prometheus:
    """One that runs at `url`."""

    url: str

    def query(self, expr: str) -> list[float]:
        """The values of the series that an expression has now; a query that is refused raises."""
        for name, value in _VARIABLES.items():
            expr = expr.replace(name, value)
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expr}, timeout=30).json()
        if answer["status"] != "success":
            raise AssertionError(f"{expr}: {answer.get('error')}")
        result: Any = answer["data"]["result"]
        if answer["data"]["resultType"] == "scalar":
            return [float(result[1])]
        return [float(one["value"][1]) for one in result]

    def has_data(self, expr: str) -> bool:
        """Whether there is a series with a number in it."""
        return any(value == value for value in self.query(expr))  # NaN is not itself


def sides(expr: str) -> list[str]:
    """What must return data for a rule to work at all, whatever holds now.

    Comparisons filter, so each is asked for its outcome (0 or 1) instead: then every side of it, and of every `and`,
    must be there. What stands between `or`s is asked one by one, but `absent()`, which is to be empty.
    """
    asked = _COMPARISON.sub(r" \1 bool ", " ".join(expr.split()))
    return [part for part in asked.split(" or ") if not part.startswith("absent(")]


@contextmanager
def prometheus(folder: Path, ports: Mapping[str, int]) -> Iterator[Prometheus]:
    """Scrape the jobs of the committed configuration at these ports of this machine, every second."""
    text = (PROMETHEUS / "prometheus.yml").read_text().replace(": 15s", ": 1s")
    for job, port in ports.items():
        text = re.sub(rf"(job_name: {job}\n.*?127\.0\.0\.1:)\d+", rf"\g<1>{port}", text, flags=re.S)
    for name in ("rules.yml", "alerts.yml"):
        shutil.copyfile(PROMETHEUS / name, folder / name)
    (folder / "prometheus.yml").write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            cwd=folder,
            env={"PATH": os.environ["PATH"]},  # noqa: TID251  # what a started program needs of this one's
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process, folder)
        yield Prometheus(url)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/-/ready", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError((folder / "prometheus.log").read_text()[-4000:])

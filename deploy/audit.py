"""Whether anything that Ursa installs has a published vulnerability; the last step of `make check`.

Asks the Open Source Vulnerabilities database (osv.dev) about every version that the development lock names, which
holds those of the images, and about what installs them (bootstrap). A machine that cannot reach it, as one of CI without
internet, is not held up: it is told in a frame that nothing was audited. Whatever else keeps a version from being looked
at fails: what was not looked at is not called clean. So does an acceptance whose last day is over.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

LOCKS = ("deploy/locks/development.txt", "deploy/locks/bootstrap.txt")
OSV = "https://api.osv.dev/v1/query"


@dataclass(frozen=True)
class Accepted:
    """Why an advisory does no harm here, and the last day on which that is believed: some months away at most."""

    why: str
    until: date


# by the advisory's id
ACCEPTED: dict[str, Accepted] = {}

# what pip-audit ends with when no connection comes about; it turns a timeout alone into words of its own
_NO_CONNECTION = re.compile(
    r"(requests\.exceptions\.(ConnectionError|ProxyError|ConnectTimeout|ReadTimeout): |"
    r"ERROR:pip_audit\._cli:Could not connect to )"
)


class Unreachable(Exception):
    """There is no connection to the advisories."""


class Broken(Exception):
    """The audit itself did not come to its end."""


def over(accepted: Mapping[str, Accepted], today: date) -> list[str]:
    """One line for each acceptance whose last day is over."""
    return [
        f"{name} was accepted until {one.until} ({one.why}): mend it, or look at it again."
        for name, one in accepted.items()
        if today > one.until
    ]


def advisories(lock: str, osv: str, accepted: Collection[str]) -> list[str]:
    """One line for each advisory that fits a version of the lock. Raises `Unreachable`, and else `Broken`."""
    command = [
        *(sys.executable, "-m", "pip_audit", "--requirement", lock, "--require-hashes"),
        *("--disable-pip", "--progress-spinner", "off", "--format", "json"),
        *("--vulnerability-service", "osv", "--osv-url", osv),
        *(f"--ignore-vuln={one}" for one in accepted),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        ends = done.stderr.strip().splitlines()[-2:] or [f"exit code {done.returncode}"]
        kind = Unreachable if any(map(_NO_CONNECTION.match, ends)) else Broken
        raise kind(ends[-1]) from error
    _check_all(found["dependencies"], lock)
    return [
        f"{one['name']} {one['version']}: {flaw['id']}"
        f" (mended in {', '.join(flaw['fix_versions']) or 'no version yet'})"
        for one in found["dependencies"]
        for flaw in one.get("vulns", ())
    ]


def _check_all(looked_at: list[dict[str, Any]], lock: str) -> None:
    if not looked_at:
        raise Broken(f"{lock} names no version")
    for one in looked_at:
        if "skip_reason" in one:
            raise Broken(f"{one['name']} was passed over: {one['skip_reason']}")


def main(
    arguments: list[str] | None = None,
    accepted: Mapping[str, Accepted] = ACCEPTED,
    today: date | None = None,
) -> int:
    """0 where nothing is known or there is no connection, 1 where something is known, an acceptance is over, or the
    audit is broken.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", nargs="+", default=LOCKS)
    parser.add_argument("--osv", default=OSV, help="where advisories are asked for")
    options = parser.parse_args(arguments)
    stale = over(accepted, today or datetime.now(UTC).date())
    _tell(stale)
    found: list[str] = []
    try:
        for lock in options.lock:
            found += advisories(lock, options.osv, accepted)
    except Unreachable as error:
        # what was known before the connection went is known
        _tell(found)
        print(
            _framed(f"Dependencies were NOT audited: {options.osv} cannot be reached.", str(error))
        )
        return 1 if found or stale else 0
    except Broken as error:
        _tell(found)
        print(f"Dependencies were NOT audited: the audit itself is broken ({error}).")
        return 1
    locks = " and ".join(options.lock)
    print("\n".join(found) or f"No advisory is known about the versions in {locks}.")
    return 1 if found or stale else 0


def _tell(lines: list[str]) -> None:
    if lines:
        print("\n".join(lines))


def _framed(*lines: str) -> str:
    """Not to be overlooked in a long log."""
    return "\n".join(["", "!" * 88, *(f"!! {one}" for one in lines), "!" * 88, ""])


if __name__ == "__main__":
    sys.exit(main())

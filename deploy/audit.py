"""Whether anything that Ursa installs has a published vulnerability; the last step of `make check`.

Asks the Open Source Vulnerabilities database (osv.dev) about every version that the development lock names, which
holds those of the images. A machine that cannot reach it is told so in one sentence and is not held up; whatever else
keeps a version from being looked at fails: what was not looked at is not called clean.
"""

import argparse
import json
import re
import subprocess
import sys
from typing import Any

LOCK = "deploy/locks/development.txt"
OSV = "https://api.osv.dev/v1/query"
# advisory: why it does no harm here, and until when that is believed
ACCEPTED: dict[str, str] = {}


# what pip-audit ends with when no connection comes about; it turns a timeout alone into words of its own
_NO_CONNECTION = re.compile(
    r"(requests\.exceptions\.(ConnectionError|ProxyError|ConnectTimeout|ReadTimeout): |"
    r"ERROR:pip_audit\._cli:Could not connect to )"
)


class Unreachable(Exception):
    """There is no connection to the advisories."""


class Broken(Exception):
    """The audit itself did not come to its end."""


def advisories(lock: str, osv: str) -> list[str]:
    """One line for each advisory that fits a version of the lock. Raises `Unreachable`, and else `Broken`."""
    command = [
        *(sys.executable, "-m", "pip_audit", "--requirement", lock, "--require-hashes"),
        *("--disable-pip", "--progress-spinner", "off", "--format", "json"),
        *("--vulnerability-service", "osv", "--osv-url", osv),
        *(f"--ignore-vuln={one}" for one in ACCEPTED),
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


def main(arguments: list[str] | None = None) -> int:
    """0 where nothing is known or there is no connection, 1 where something is known or the audit is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", default=LOCK)
    parser.add_argument("--osv", default=OSV, help="where advisories are asked for")
    options = parser.parse_args(arguments)
    try:
        found = advisories(options.lock, options.osv)
    except Unreachable as error:
        print(f"Dependencies were NOT audited: {options.osv} cannot be reached ({error}).")
        return 0
    except Broken as error:
        print(f"Dependencies were NOT audited: the audit itself is broken ({error}).")
        return 1
    print("\n".join(found) or f"No advisory is known about the versions in {options.lock}.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

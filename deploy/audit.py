"""Whether anything that Ursa installs has a published vulnerability; the last step of `make check`.

Asks the Open Source Vulnerabilities database (osv.dev) about every version that the development lock names, which
holds those of the images. A machine that cannot reach it is told so in one sentence and is not held up: what was
not looked at is not called clean.
"""

import argparse
import json
import subprocess
import sys
from typing import Any

LOCK = "deploy/locks/development.txt"
OSV = "https://api.osv.dev/v1/query"
# advisory: why it does no harm here, and until when that is believed
ACCEPTED: dict[str, str] = {}


class Unreachable(Exception):
    """The advisories could not be read."""


def advisories(lock: str, osv: str) -> list[str]:
    """One line for each advisory that fits a version of the lock; raises `Unreachable`."""
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
        raise Unreachable((done.stderr.strip().splitlines() or ["no answer"])[-1]) from error
    return [
        f"{one['name']} {one['version']}: {flaw['id']}"
        f" (mended in {', '.join(flaw['fix_versions']) or 'no version yet'})"
        for one in found["dependencies"]
        for flaw in one.get("vulns", ())
    ]


def main(arguments: list[str] | None = None) -> int:
    """0 where nothing is known or nothing could be asked, 1 where something is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", default=LOCK)
    parser.add_argument("--osv", default=OSV, help="where advisories are asked for")
    options = parser.parse_args(arguments)
    try:
        found = advisories(options.lock, options.osv)
    except Unreachable as error:
        print(f"Dependencies were NOT audited: {options.osv} cannot be reached ({error}).")
        return 0
    print("\n".join(found) or f"No advisory is known about the versions in {options.lock}.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

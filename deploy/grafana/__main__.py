"""`python -m deploy.grafana`: write the dashboards' JSON, which Grafana provisions and which a test compares."""

import json
from pathlib import Path

from deploy.grafana import right, service, world

FOLDER = Path(__file__).parent / "dashboards"
DASHBOARDS = {"service": service.build, "right": right.build, "world": world.build}


def written(name: str) -> str:
    """The file of a dashboard, as it must stand in the folder."""
    return json.dumps(DASHBOARDS[name](), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for one in DASHBOARDS:
        (FOLDER / f"{one}.json").write_text(written(one))

"""What nginx, as `deploy/` configures it, lets through to the services behind it."""

from pathlib import Path

import pytest

from tests.journeys.copies import before
from tests.journeys.proxy import free_ports, nginx
from tests.service.knocking import exchange, port, status
from tests.service.serving import Serving


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The proxy is the same before both databases."""
    return sqlite_url


def test_metrics_are_for_who_reaches_a_service_itself(shared: Serving, tmp_path: Path) -> None:
    own, (proxy,) = port(shared), free_ports(1)
    with nginx(tmp_path / "nginx", proxy, before([own] * 3, proxy)):
        for target in ("/metrics", "//metrics", "/%6detrics", "/./metrics", "/livez/../metrics?x"):
            assert status(exchange(proxy, target)) == 403, target
        assert status(exchange(proxy, "/livez")) == 200
        # a longer path is another one, and at most sent on to the first
        for target in ("/metrics/", "/metrics%2f", "/metrics;x", "/metrics%3fx", "/METRICS"):
            assert b"# TYPE" not in exchange(proxy, target), target
    assert b"# TYPE" in exchange(own, "/metrics")

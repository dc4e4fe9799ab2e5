"""A fleet for each module and driver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .drivers import DRIVERS
from .fleet import Fleet


@pytest.fixture(scope="module", params=DRIVERS, ids=lambda driver: driver.name)
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Three nodes; at its end, what must not come late has not come."""
    made: Fleet = request.param(tmp_path_factory.mktemp(request.param.name))
    try:
        made.start(**getattr(request.module, "SETTINGS", {}))
        yield made
        made.keep()
    finally:
        made.stop()
        made.close()

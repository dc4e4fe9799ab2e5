"""One server and one backend process for all conformance tests; a client that is not installed is a skip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.clients import Clients, missing
from tests.conformance.daemon import COUNTING_APP, DIGITS_APP, Daemon


def _require(reason: str | None) -> None:
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """The server that all tests of this folder share."""
    with Daemon(tmp_path_factory.mktemp("sockudo")) as running:
        yield running


@pytest.fixture(scope="session")
def shared_clients(daemon: Daemon) -> Iterator[Clients]:
    """Clients of the demo app."""
    _require(missing())
    with Clients(daemon.port) as clients:
        yield clients


@pytest.fixture(scope="session")
def shared_counting_clients(daemon: Daemon) -> Iterator[Clients]:
    """Clients of the app that sends subscription counts."""
    _require(missing())
    with Clients(daemon.port, COUNTING_APP) as clients:
        yield clients


@pytest.fixture
def clients(request: pytest.FixtureRequest, shared_clients: Clients) -> None:
    """Gives the test case `self.clients`."""
    request.instance.clients = shared_clients


@pytest.fixture
def counting_clients(request: pytest.FixtureRequest, shared_counting_clients: Clients) -> None:
    """Gives the test case `self.clients` on the app that sends subscription counts."""
    request.instance.clients = shared_counting_clients


@pytest.fixture
def digits_clients(request: pytest.FixtureRequest, daemon: Daemon) -> None:
    """Gives the test case `self.clients` for Python packages, on the app whose id is made of digits."""
    request.instance.clients = Clients(daemon.port, DIGITS_APP)


@pytest.fixture
def browser(request: pytest.FixtureRequest) -> None:
    """The test drives Chromium."""
    _require(missing(browser=True))


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Gives the test case `self.folder`, an empty folder."""
    request.instance.folder = tmp_path

"""Deltas and tag filters for an unmodified pusher-js by the helper in `clients/js`, on the running server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.clients import Clients, missing
from tests.conformance.daemon import DEMO_APP, Daemon
from tests.integration.proxies import Nginx

CHANNELS = {
    "market-*": {"conflation_key": "symbol"},
    "crowded-*": {"conflation_key": "symbol", "max_conflation_keys": 3},
}
APP = {**DEMO_APP, "channel_delta_compression": CHANNELS}
FILTERING = {"tag_filtering": {"enabled": True}}


@pytest.fixture(scope="session")
def streaming(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """Clients of a server with a conflated channel and filters in force."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with (
        Daemon(tmp_path_factory.mktemp("delta"), apps=[APP], settings=FILTERING) as daemon,
        Clients(daemon.port, APP) as clients,
    ):
        yield clients


@pytest.fixture
def streaming_clients(request: pytest.FixtureRequest, streaming: Clients) -> None:
    """Gives the test case `self.clients` of that server."""
    request.instance.clients = streaming


class Promises:
    """What pusher-js with the helper is promised, whichever its version."""

    library: str
    clients: Clients

    def find(self: Any, scenario: str, **options: str) -> Any:
        """Runs a scenario with this version of pusher-js."""
        return self.clients.run("delta.mjs", scenario, client=self.library, **options)

    def test_alike(self: Any) -> None:
        """Fossil, VCDIFF, either and none: the same events, data and users, most of them as deltas."""
        for channel, found in self.find("alike").items():
            with self.subTest(channel):
                self.assertGreaterEqual(found["events"], 41)
                self.assertEqual(found["alike"], ["fossil", "xdelta3", "either", "plain"])
                for stats in found["stats"].values():
                    self.assertEqual(stats["lost"], 0)
                    if channel.startswith("private-encrypted-"):
                        self.assertEqual((stats["full"], stats["deltas"]), (0, 0))
                    else:
                        self.assertGreater(stats["deltas"], 30)
                        self.assertGreater(stats["bytesSaved"], 0)

    def test_conflated(self: Any) -> None:
        """Ten streams in one channel, with keys that need escapes."""
        found = self.find("conflated", channel="market")
        self.assertTrue(found["alike"])
        self.assertEqual((found["events"], found["stats"]["lost"]), (100, 0))
        self.assertEqual((found["stats"]["full"], found["stats"]["deltas"]), (10, 90))

    def test_crowded(self: Any) -> None:
        """More keys than the server remembers: each begins anew when it comes back, and nothing is wrong or lost."""
        found = self.find("conflated", channel="crowded")
        self.assertTrue(found["alike"])
        self.assertEqual((found["events"], found["stats"]["lost"]), (100, 0))
        self.assertEqual((found["stats"]["full"], found["stats"]["deltas"]), (100, 0))

    def test_filtered(self: Any) -> None:
        """Only what the filter wants arrives, and another filter, or none, takes its place on the spot."""
        found = self.find("filtered")
        self.assertEqual(found["heard"], [["BTC", 1], ["BTC", 2], ["ETH", 3], ["ETH", 4], ["BTC", 5], ["ETH", 5]])
        self.assertEqual(found["stats"]["lost"], 0)
        self.assertGreater(found["stats"]["deltas"], 0)

    def test_lost(self: Any) -> None:
        """A delta whose base got lost is not shown, the server is asked, and it goes on from the next message."""
        found = self.find("lost")
        self.assertEqual((found["heard"], found["losses"]), ([1, 2, 5, 6], 1))
        self.assertEqual((found["stats"]["resyncs"], found["stats"]["full"]), (1, 2))


@pytest.mark.usefixtures("streaming_clients")
class DeltasInPusherJs8(Promises, SynchronousTestCase):
    """The current pusher-js."""

    library = "pusher-js"


@pytest.mark.usefixtures("streaming_clients")
class DeltasInPusherJs7(Promises, SynchronousTestCase):
    """The version before it."""

    library = "pusher-js-7"


@pytest.mark.usefixtures("browser", "streaming_clients")
class DeltasInChromium(SynchronousTestCase):
    """pusher-js from a script tag, the helper from a module."""

    clients: Clients

    def check(self, scenario: str) -> None:
        """One page, three clients of one channel."""
        found = self.clients.run("browser.js", scenario)
        self.assertEqual(found["alike"], ["fossil", "xdelta3", "plain"])
        self.assertEqual(found["events"], 30)
        for stats in found["stats"]:
            self.assertEqual((stats["lost"], stats["full"], stats["deltas"]), (0, 3, 27))

    def test_browser_8(self) -> None:
        """With the current pusher-js every event arrives as it does without deltas."""
        self.check("delta")

    def test_browser_7(self) -> None:
        """So it does with the version before it."""
        self.check("delta7")


@pytest.mark.usefixtures("folder", "clients")
class OtherServers(SynchronousTestCase):
    """Servers that go, or do not want to."""

    folder: Path

    def test_restart(self) -> None:
        """On the next server the filters are there again, and messages of the one that died are no bases for its own."""
        first, second = (Daemon(self.folder / name, apps=[APP], settings=FILTERING) for name in ("1", "2"))
        proxy = Nginx(self.folder / "proxy", f"127.0.0.1:{first.port}", f"127.0.0.1:{second.port}")
        with (
            first,
            second,
            proxy,
            Clients(proxy.port, APP) as clients,
            clients.start("delta.mjs", "restarted", client="pusher-js") as script,
        ):
            self.assertEqual(script.line(), {"ready": True})
            first.kill()
            found = script.result()
        self.assertEqual(found["heard"], [[event, n] for n in range(1, 7) for event in ("trade", "tick")])
        self.assertEqual((found["stats"]["lost"], found["stats"]["full"], found["stats"]["deltas"]), (0, 4, 8))

    def test_slow(self) -> None:
        """Messages left out for a slow reader are no bases: what it hears afterwards is right, and goes on as deltas."""
        daemon = Daemon(self.folder, settings={"websocket": {"max_messages": 20, "disconnect_on_buffer_full": False}})
        with daemon, Clients(daemon.port) as clients:
            found = clients.run("delta.mjs", "slow", client="pusher-js", patience=30)
        self.assertEqual((found["wrong"], found["inOrder"], found["sockets"]), ([], True, 1))
        self.assertEqual((found["last"], found["stats"]["lost"]), (919, 0))
        self.assertLess(found["heard"], 900)
        self.assertGreater(found["stats"]["deltas"], found["before"]["deltas"] + 15)

    def test_informed(self) -> None:
        """A server that tells newcomers what each stream was at sends them deltas from the first message on."""
        daemon = Daemon(self.folder, apps=[APP], settings={"delta_compression": {"cache_sync": "states"}})
        with daemon, Clients(daemon.port, APP) as clients:
            found = clients.run("delta.mjs", "informed", client="pusher-js")
        self.assertEqual(found["heard"], list(range(20, 40)))
        self.assertEqual((found["stats"]["lost"], found["stats"]["full"], found["stats"]["deltas"]), (0, 0, 20))

    def test_refused(self) -> None:
        """Where deltas are switched off everything is plain."""
        daemon = Daemon(self.folder, settings={"delta_compression": {"enabled": False}})
        with daemon, Clients(daemon.port) as clients:
            found = clients.run("delta.mjs", "refused", client="pusher-js")
        self.assertEqual(found["heard"], list(range(5)))
        self.assertEqual((found["stats"]["full"], found["stats"]["deltas"], found["stats"]["bytesSaved"]), (0, 0, 0))

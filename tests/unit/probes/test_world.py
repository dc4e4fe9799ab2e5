"""What would be in the way of a start here and now, as findings."""

from __future__ import annotations

import socket
from contextlib import chdir
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.config.findings import Finding
from sockudo_tx.probes import world_findings
from sockudo_tx.probes.reach import AT_MOST
from tests.unit.config.cases import APP
from tests.unit.probes.test_machine import loaded_from


class WorldTests(SynchronousTestCase):
    """`world_findings`"""

    markers: tuple[str, ...] = ()

    def found(self, content: dict[str, Any]) -> list[Finding]:
        """Of a file that listens on free ports of loopback."""
        quiet = {"host": "127.0.0.1", "port": 0, "apps": [APP], "metrics": {"enabled": False}}
        return list(world_findings(loaded_from({**quiet, **content}), self.markers))

    def taken_port(self) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        port: int = server.getsockname()[1]
        return port

    def test_nothing(self) -> None:
        """Nothing is in the way of a server that needs nobody."""
        self.assertEqual(self.found({}), [])

    def test_ports(self) -> None:
        """Each port that another program has is told at its key; with a Unix socket the main one is not tried."""
        port = self.taken_port()
        metrics = {"metrics": {"enabled": True, "host": "127.0.0.1", "port": port}}
        for content, key in (({"port": port}, "port"), (metrics, "metrics.port")):
            (finding,) = self.found(content)
            self.assertEqual((finding.path, finding.severity), (key, "warning"))
            self.assertIn(f"127.0.0.1:{port} is taken", finding.message)
            self.assertEqual(finding.source, "file.json")
        unix = {"enabled": True, "path": "/run/sockudo-test/s.sock"}
        self.assertEqual(
            [one.path for one in self.found({"port": port, "unix_socket": unix}) if one.path == "port"], []
        )

    def test_host(self) -> None:
        """An address of another machine is a fault of the host."""
        (finding,) = self.found({"host": "192.0.2.1", "port": 7777})
        self.assertEqual(finding.path, "host")
        self.assertIn("cannot be listened on", finding.message)

    def test_container(self) -> None:
        """A server on loopback in a container is reached by nobody outside of it."""
        self.markers = (__file__,)
        (finding,) = self.found({})
        self.assertEqual((finding.path, finding.severity, finding.value), ("host", "warning", "127.0.0.1"))
        self.assertEqual(self.found({"host": "0.0.0.0"}), [])
        self.markers = ("/nowhere",)
        self.assertEqual(self.found({}), [])

    def test_unix_socket(self) -> None:
        """A socket somebody answers on is told."""
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        with chdir(folder), socket.socket(socket.AF_UNIX) as server:
            server.bind("s.sock")
            server.listen()
            path = str(Path("s.sock").absolute())
            (finding,) = self.found({"unix_socket": {"enabled": True, "path": path}})
        self.assertEqual((finding.path, finding.value), ("unix_socket.path", path))

    def test_services(self) -> None:
        """A service the server cannot start without is an error that refuses, another one a warning."""
        port = self.taken_port()
        with socket.create_server(("127.0.0.1", 0)) as gone:
            closed = gone.getsockname()[1]
        nats = {"driver": "nats", "nats": {"servers": [f"127.0.0.1:{port}", f"127.0.0.1:{closed}"]}}
        (finding,) = self.found({"adapter": nats})
        self.assertEqual((finding.severity, finding.refuses), ("error", True))
        self.assertIn(f"NATS at 127.0.0.1:{closed} does not answer", finding.message)
        (finding,) = self.found({"adapter": {**nats, "fallback_to_local": True}})
        self.assertEqual((finding.severity, finding.refuses), ("warning", False))
        redis = {"host": "127.0.0.1", "port": closed, "password": "hunter2"}
        (finding,) = self.found({"cache": {"driver": "redis"}, "database": {"redis": redis}})
        self.assertEqual((finding.severity, finding.path), ("warning", "database.redis.host"))
        self.assertNotIn("hunter2", repr(finding))

    def test_too_many_services(self) -> None:
        """Nobody takes what was not tried for tried."""
        nodes = [f"127.0.0.1:{port}" for port in range(1, AT_MOST + 2)]
        nats = {"driver": "nats", "nats": {"servers": nodes}, "fallback_to_local": True}
        last = self.found({"adapter": nats})[-1]
        self.assertEqual((last.severity, last.value), ("info", f"{AT_MOST + 1} addresses"))

    def test_webhooks(self) -> None:
        """A webhook to a host nobody knows is told without its path and query."""
        app = {**APP, "webhooks": [{"url": "https://no-such-host.invalid/x?token=hunter2", "event_types": []}]}
        (finding,) = self.found({"apps": [app]})
        self.assertIn("the host of a webhook of app 'a', no-such-host.invalid, does not resolve", finding.message)
        self.assertNotIn("hunter2", repr(finding))

"""`max_connections` where it holds on each node by itself."""

from __future__ import annotations

from typing import Any

from sockudo_tx.engine.settings import EngineSettings
from sockudo_tx.testing import MemoryServer, fixture_app
from sockudo_tx.testing.server import MemoryClient

from .case import ClusterCase

ALONE = EngineSettings(socket_counting=False)
OVER_QUOTA = (4004, "Application is over connection quota")


def clients(server: MemoryServer, count: int) -> list[tuple[int, str] | None]:
    """Connect so many; how each was refused."""
    return [server.connect().closed for _ in range(count)]


class QuotaTests(ClusterCase):
    """adapter.enable_socket_counting: false"""

    def test_S40_each_by_itself(self) -> None:
        """Each node admits up to the limit, and asks the authority nothing when somebody comes or goes."""
        self.start(apps=[fixture_app(max_connections=2)], settings=ALONE)
        authority: Any = self.cluster.authority
        asked: list[str] = []
        for name in ("conn_open", "conn_close"):
            setattr(authority, name, lambda *_, name=name: asked.append(name))
        opened: list[MemoryClient] = []
        for node in (self.a, self.b):
            opened += [node.client(), node.client()]
            self.assertEqual(clients(node, 2), [OVER_QUOTA, OVER_QUOTA])
        for client in opened:
            client.cut()
        self.cluster.advance(1)
        self.assertEqual(asked, [])
        self.assertEqual(clients(self.a, 3), [None, None, OVER_QUOTA])

    def test_told_again(self) -> None:
        """Nor are connections counted when a node tells an authority that has lost everything what it knows."""
        self.start(apps=[fixture_app(max_connections=2)], settings=ALONE)
        client = self.client(0, "news")
        self.a.engine.start_anew()
        self.cluster.advance(10)
        self.assertEqual(self.subscriptions(1, "news"), 1)
        client.cut()
        self.cluster.advance(10)
        self.assertEqual(self.cluster.authority.tables()["authority.apps"], 0)

    def test_one_process(self) -> None:
        """The same without others: a place is free as soon as its client has gone, in a crowd too."""
        server = MemoryServer(apps=[fixture_app(max_connections=20)], settings=ALONE)
        crowd = [server.client() for _ in range(20)]
        self.assertEqual(clients(server, 1), [OVER_QUOTA])
        for client in crowd:
            client.wire.cut()  # more than are taken out of the tables in one turn
        self.assertEqual(
            [client.closed for client in [server.connect() for _ in range(21)]], [None] * 20 + [OVER_QUOTA]
        )

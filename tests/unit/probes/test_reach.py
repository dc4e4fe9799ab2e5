"""Addresses of other services: who answers, who does not, and how long it takes to say so."""

from __future__ import annotations

import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.probes.reach import AT_MOST, Target, unreachable


def closed_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class ReachTests(SynchronousTestCase):
    """`unreachable`"""

    def listening(self) -> tuple[socket.socket, Target]:
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        return server, Target("some.key", "a service", "127.0.0.1", server.getsockname()[1])

    def test_answers(self) -> None:
        """A service that accepts is not in the answer, and it gets no byte."""
        server, target = self.listening()
        self.assertEqual(unreachable([target]), {})
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(5)
            self.assertEqual(accepted.recv(100), b"")

    def test_refused(self) -> None:
        """Where nobody listens the reason is the system's."""
        target = Target("some.key", "a service", "127.0.0.1", closed_port())
        self.assertEqual(unreachable([target]), {target: "Connection refused"})

    def test_unknown_name(self) -> None:
        """A name that does not resolve is told by name, also where only the name counts."""
        for connect in (True, False):
            target = Target("some.key", "a service", "no-such-host.invalid", 80, connect)
            (reason,) = unreachable([target]).values()
            self.assertIn("the name no-such-host.invalid does not resolve", reason)
        self.assertEqual(unreachable([Target("some.key", "a host", "localhost", closed_port(), False)]), {})

    def test_illegal_name(self) -> None:
        """What can be no name at all is a finding, not a traceback."""
        for host in ("a" * 300, "..", "\udcff", "a\0b"):
            self.assertEqual(len(unreachable([Target("some.key", "a service", host, 80)])), 1, repr(host))

    def silent_port(self) -> int:
        """A port where connecting waits: its queue is full and nobody accepts."""
        full = socket.socket()
        self.addCleanup(full.close)
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            filler = socket.socket()
            self.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        port: int = full.getsockname()[1]
        return port

    def test_all_at_once(self) -> None:
        """Addresses that never answer share the time: all are told when it is over, the good one is not."""
        _, good = self.listening()
        port = self.silent_port()
        silent = [Target(f"key{index}", "a service", "127.0.0.1", port) for index in range(20)]
        found = unreachable([good, *silent], patience=0.2, overall=5)
        self.assertEqual(list(found), silent)
        self.assertEqual(set(found.values()), {"no answer within 0.2 seconds"})

    def test_name_with_two_addresses(self) -> None:
        """A name answers when any of its addresses does, in whatever order they come."""
        _, good = self.listening()
        look_up = socket.getaddrinfo

        def both(host: str, port: int, **options: int) -> list[Any]:
            return [row for each in hosts for row in look_up(each, port, **options)]

        self.patch(socket, "getaddrinfo", both)
        for hosts in (("127.0.0.1", "127.0.0.9"), ("127.0.0.9", "127.0.0.1")):
            self.assertEqual(unreachable([good._replace(host="two.example")]), {}, hosts)

    def test_overall(self) -> None:
        """What has not answered when the time of all is over is told as silent."""
        target = Target("some.key", "a service", "127.0.0.1", self.silent_port())
        self.assertEqual(unreachable([target], patience=1, overall=0.1), {target: "no answer within 0.1 seconds"})

    def test_bounded(self) -> None:
        """However many there are, only so many are tried; twice the same is tried once."""
        port = closed_port()
        many = [Target(f"key{index}", "a service", "127.0.0.1", port) for index in range(AT_MOST + 5)]
        self.assertEqual(len(unreachable(many)), AT_MOST)
        self.assertEqual(len(unreachable([many[0]] * 3)), 1)

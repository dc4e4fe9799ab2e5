"""What workers accept from: who has which socket, who else may listen there, and what is left at the end."""

from __future__ import annotations

import os
import socket
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.config.load import survey
from sockudo_tx.hub import sockets as module
from sockudo_tx.hub.sockets import ListeningSockets
from sockudo_tx.listening import ListenError, PassedSockets, optional, tcp


class SocketsCase(SynchronousTestCase):
    """Sockets of a configuration, closed at the end."""

    def of(self, workers: int, *passed: PassedSockets, **variables: str) -> ListeningSockets:
        environ = {"HOST": "127.0.0.1", "PORT": "0", **variables}
        sockets = ListeningSockets(survey(None, environ, "/nowhere").config, workers, *(passed or [PassedSockets()]))
        self.addCleanup(sockets.close)
        return sockets

    def opened(self, workers: int, *passed: PassedSockets, **variables: str) -> ListeningSockets:
        sockets = self.of(workers, *passed, **variables)
        sockets.open()
        return sockets

    def clients(self, address: Any, count: int = 1) -> list[socket.socket]:
        """So many that have connected."""
        found = [socket.create_connection(address, timeout=5) for _ in range(count)]
        for client in found:
            self.addCleanup(client.close)
        return found

    def accepted(self, opened: socket.socket) -> list[socket.socket]:
        """All that wait there."""
        found = []
        try:
            while True:
                found.append(opened.accept()[0])
                self.addCleanup(found[-1].close)
        except BlockingIOError:
            return found


class OneForEachTests(SocketsCase):
    """A TCP port"""

    def test_own_sockets(self) -> None:
        """Every slot has a socket that no other has, all of them on the one port that the kernel chose."""
        sockets = self.opened(4)
        given = [sockets.for_slot(slot) for slot in range(4)]
        self.assertEqual([[role for role, _ in each] for each in given], [["main"]] * 4)
        self.assertEqual(len({opened.fileno() for each in given for _, opened in each}), 4)
        (address,) = sockets.addresses
        self.assertEqual({opened.getsockname() for each in given for _, opened in each}, {("127.0.0.1", address.port)})
        self.assertNotEqual(address.port, 0)
        for each in given:
            self.assertFalse(each[0][1].getblocking())

    def test_dealt_out(self) -> None:
        """The kernel deals connections out: no socket gets more than 40 of 100, none gets nothing."""
        sockets = self.opened(4)
        address = sockets.addresses[0]
        self.clients((address.host, address.port), 400)
        counts = Counter({slot: len(self.accepted(sockets.for_slot(slot)[0][1])) for slot in range(4)})
        self.assertEqual(counts.total(), 400)
        self.assertLess(max(counts.values()), 160)
        self.assertGreater(min(counts.values()), 0)

    def refused(self, what: Callable[[], object]) -> str:
        with self.assertRaises(ListenError) as caught:
            what()
        return str(caught.exception)

    def test_S81_second_instance(self) -> None:
        """A second server on the port is refused like any other program, whether it has workers or not."""
        port = self.opened(3).addresses[0].port
        for workers in (1, 2):
            text = self.refused(self.of(workers, PORT=str(port)).open)
            self.assertIn(f"cannot listen on 127.0.0.1:{port}", text)
            self.assertIn(
                f"another program listens there. Stop it, or choose another port, for example PORT={port + 1}", text
            )

    def test_S81_beside_one_process(self) -> None:
        """Nor do workers join a port that one process has, or that somebody shares who is no server of ours."""
        for shared in (False, True):
            with socket.create_server(("127.0.0.1", 0), reuse_port=shared) as other:
                self.refused(self.of(2, PORT=str(other.getsockname()[1])).open)

    def test_S81_at_the_same_time(self) -> None:
        """Of two servers that start at once one gets the port: neither joins while the other is half way."""
        share, seen = tcp._share, []

        def meanwhile(opened: socket.socket) -> None:
            self.patch(tcp, "_share", share)
            seen.append(self.refused(self.of(2, PORT=str(opened.getsockname()[1])).open))
            share(opened)

        self.patch(tcp, "_share", meanwhile)
        self.opened(2)
        self.assertIn("another program listens there", seen[0])

    def test_closing_connections(self) -> None:
        """Connections of an earlier server that are still closing do not keep the next one from the port."""
        sockets = self.opened(2)
        address = sockets.addresses[0]
        clients = self.clients((address.host, address.port), 8)
        for slot in range(2):
            for accepted in self.accepted(sockets.for_slot(slot)[0][1]):
                accepted.close()  # who closes first has to remember it
        for client in clients:
            client.close()
        sockets.close()
        self.assertEqual(self.opened(2, PORT=str(address.port)).addresses, [address])

    def test_killed_worker(self) -> None:
        """What waits on a socket stays there when the worker that had a copy of it is gone."""
        sockets = self.opened(2)
        address = sockets.addresses[0]
        copies = [sockets.for_slot(slot)[0][1].dup() for slot in range(2)]
        self.clients((address.host, address.port), 40)
        for copy in copies:
            copy.close()
        self.assertEqual(sum(len(self.accepted(sockets.for_slot(slot)[0][1])) for slot in range(2)), 40)

    def test_silence(self) -> None:
        """Clients no longer come to a slot that was given up, until somebody serves it again."""
        sockets = self.opened(2)
        address = sockets.addresses[0]
        before = [sockets.for_slot(slot)[0][1] for slot in range(2)]
        sockets.silence(1)
        sockets.silence(1)
        self.clients((address.host, address.port), 20)
        self.assertEqual(len(self.accepted(before[0])), 20)
        self.assertEqual(sockets.for_slot(1)[0][1], before[1])
        self.clients((address.host, address.port), 60)
        self.assertGreater(len(self.accepted(before[1])), 0)
        self.accepted(before[0])
        sockets.silence(1)
        self.clients((address.host, address.port), 20)
        self.assertEqual(len(self.accepted(before[0])), 20)

    def test_port_that_is_refused(self) -> None:
        """What was opened before the refusal is closed again."""
        before = set(os.listdir("/proc/self/fd"))
        with socket.create_server(("127.0.0.1", 0)) as other:
            for _ in range(3):
                self.refused(self.of(3, PORT=str(other.getsockname()[1])).open)
        self.assertLessEqual(set(os.listdir("/proc/self/fd")), before)

    def test_every_address(self) -> None:
        """`::` answers IPv4 and IPv6 clients on one port, whichever worker they come to; and it is one server's."""
        if not socket.has_dualstack_ipv6():
            self.skipTest("this machine has no IPv6")
        sockets = self.opened(2, HOST="[::]")
        port = sockets.addresses[0].port
        for host in ("127.0.0.1", "::1"):
            self.clients((host, port), 30)
            counts = [len(self.accepted(sockets.for_slot(slot)[0][1])) for slot in range(2)]
            self.assertEqual(sum(counts), 30)
            self.assertGreater(min(counts), 0)
        for host in ("0.0.0.0", "127.0.0.1", "::1"):
            self.refused(self.of(2, HOST=host, PORT=str(port)).open)

    def test_redirect(self) -> None:
        """Plain HTTP that leads to HTTPS has sockets for each slot too, or is done without, with one warning."""
        tls = {"SSL_ENABLED": "1", "SSL_REDIRECT_HTTP": "1", "SSL_CERT_PATH": "c", "SSL_KEY_PATH": "k"}
        with socket.create_server(("127.0.0.1", 0)) as probe:
            free = probe.getsockname()[1]
            lines: list[str] = []
            self.patch(optional.OptionalListener, "_log", Silent(lines))
            taken = self.opened(2, **tls, SSL_HTTP_PORT=str(free))
            self.assertEqual([role for role, _ in taken.for_slot(1)], ["main"])
            self.assertEqual(len(lines), 1)
        sockets = self.opened(2, **tls, SSL_HTTP_PORT=str(free))
        given = [dict(sockets.for_slot(slot)) for slot in range(2)]
        self.assertEqual([list(each) for each in given], [["main", "redirect"]] * 2)
        self.assertEqual(len({each["redirect"].fileno() for each in given}), 2)
        self.assertEqual({each["redirect"].getsockname()[1] for each in given}, {free})


class Silent:
    """A log that remembers."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def warn(self, text: str, **fields: object) -> None:
        self._lines.append(text)


class OneForAllTests(SocketsCase):
    """Anything else"""

    def test_unix(self) -> None:
        """A Unix socket is one for all, with the mode that was asked for; it goes at the end."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "s.sock"
            variables = {"UNIX_SOCKET_ENABLED": "1", "UNIX_SOCKET_PATH": str(path)}
            sockets = self.opened(3, **variables, UNIX_SOCKET_PERMISSION_MODE="660")
            self.assertEqual(path.stat().st_mode & 0o777, 0o660)
            self.assertEqual(len({opened.fileno() for slot in range(3) for _, opened in sockets.for_slot(slot)}), 1)
            self.assertEqual([address.host for address in sockets.addresses], [str(path)])
            sockets.give_to(os.getuid(), os.getgid())
            sockets.silence(0)  # the others go on
            client = socket.socket(socket.AF_UNIX)
            self.addCleanup(client.close)
            client.connect(str(path))
            with self.assertRaises(ListenError):
                self.of(3, **variables).open()
            sockets.close()
            self.assertFalse(path.exists())

    def test_passed(self) -> None:
        """What systemd opened is everybody's, and the configured port stays shut."""
        opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        sockets = self.opened(2, PassedSockets(main=tuple(opened)), PORT="1")
        for slot in range(2):
            self.assertEqual(sockets.for_slot(slot), [("main", opened[0]), ("main", opened[1])])
        self.assertEqual([address.port for address in sockets.addresses], [each.getsockname()[1] for each in opened])

    def test_systems_that_do_not_deal_out(self) -> None:
        """Where the kernel gives everything to one of several sockets there is only one."""
        self.patch(module, "DEALS_OUT", False)
        sockets = self.opened(3)
        self.assertEqual(len({opened.fileno() for slot in range(3) for _, opened in sockets.for_slot(slot)}), 1)
        sockets.silence(2)
        address = sockets.addresses[0]
        self.clients((address.host, address.port), 3)
        self.assertEqual(len(self.accepted(sockets.for_slot(0)[0][1])), 3)


class HandedDownTests(SynchronousTestCase):
    """A worker's end"""

    def test_by_role(self) -> None:
        """Descriptors in a row become sockets that its children do not inherit; nothing else is to be opened."""
        first = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
        base = 200
        for place, opened in enumerate(first):
            os.dup2(opened.fileno(), base + place)
            opened.close()
        passed = PassedSockets.handed_down(("main", "main", "redirect"), base)
        everything = [*passed.main, *passed.redirect]
        for each in everything:
            self.addCleanup(each.close)
            self.assertFalse(each.get_inheritable())
            self.assertFalse(each.getblocking())
        self.assertEqual([each.fileno() for each in everything], [base, base + 1, base + 2])
        self.assertTrue(passed.complete)
        self.assertEqual(passed.metrics, ())

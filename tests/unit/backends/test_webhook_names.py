"""Names of webhooks' hosts: looked up once for all, and every answer looked at."""

from __future__ import annotations

import socket
import threading
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import capturedLogs
from twisted.trial.unittest import TestCase

from sockudo_tx.backends.webhooks.way import Addresses, AddressRefusedError, Lookup, Way


def entry(address: str) -> tuple[Any, ...]:
    """As getaddrinfo gives it."""
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 1))


class NameTests(TestCase):
    """Looking names up"""

    timeout = 20

    def asked(self, lookup: Lookup, host: str) -> Deferred[Addresses]:
        answer: Deferred[Addresses] = Deferred()
        lookup.ask(host, 1, answer.callback)
        return answer

    async def test_single_flight(self) -> None:
        """Many who ask for one name meanwhile cost one question, and the next one asks anew."""
        questions: list[str] = []
        go = threading.Event()

        def slow(host: str, *rest: object) -> list[Any]:
            questions.append(host)
            go.wait(10)
            return [entry("192.0.2.1")]

        lookup = Lookup(reactor, slow)
        answers = [self.asked(lookup, "host") for _ in range(100)]
        go.set()
        found = await gatherResults(answers)
        self.assertEqual({address.host for addresses in found for address in addresses}, {"192.0.2.1"})
        self.assertEqual(questions, ["host"])
        await self.asked(lookup, "host")
        self.assertEqual(questions, ["host", "host"])

    async def test_many_silent_names(self) -> None:
        """However many names are asked for, at most 64 threads wait; all are answered in the end."""
        going: list[int] = []
        go = threading.Event()

        def slow(host: str, *rest: object) -> list[Any]:
            going.append(sum(thread.name == "webhook-name" for thread in threading.enumerate()))
            go.wait(10)
            return []

        lookup = Lookup(reactor, slow)
        answers = [self.asked(lookup, f"host{number}") for number in range(200)]
        go.set()
        self.assertEqual(await gatherResults(answers), [[]] * 200)
        self.assertLessEqual(max(going), 64 + 8)  # some end just now

    async def test_no_thread(self) -> None:
        """A name for which the system gives no thread is not known, is told, and is asked for anew the next time."""
        lookup = Lookup(reactor, lambda *_: [entry("192.0.2.1")])

        def refuse(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with capturedLogs() as said:
            patched = self.patch(threading.Thread, "start", refuse)
            self.assertEqual(await gatherResults([self.asked(lookup, "host") for _ in range(100)]), [[]] * 100)
            patched.restore()
        self.assertEqual([event["host"] for event in said], ["host"])
        self.assertEqual(len(await self.asked(lookup, "host")), 1)

    async def test_names_that_are_none(self) -> None:
        """A name that the system does not take is one that is not known."""
        lookup = Lookup(reactor)
        for name in ("no\0name", "a" * 300, "nobody.invalid"):
            self.assertEqual(await self.asked(lookup, name), [])

    async def test_rebinding(self) -> None:
        """A name that means another address the next time it is asked gains nothing: each connection is looked at."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        port = listener.getsockname()[1]
        answers = iter(["127.0.0.1", "169.254.169.254"])
        lookup = Lookup(reactor, lambda *_: [(*entry("")[:4], (next(answers), port))])
        endpoint = HostnameEndpoint(Way(reactor, lookup, "host", True), "endpoint", port)
        ended: Deferred[None] = Deferred()

        class Peer(Protocol):
            def connectionLost(self, reason: object = None) -> None:
                ended.callback(None)

        protocol = await endpoint.connect(Factory.forProtocol(Peer))
        protocol.transport.abortConnection()
        await ended
        with self.assertRaisesRegex(AddressRefusedError, "169.254.169.254 is a link-local address"):
            await endpoint.connect(Factory.forProtocol(Peer))

    async def test_stopped(self) -> None:
        """After the stop nobody is called back, however late the answer comes."""
        go, over = threading.Event(), threading.Event()

        def slow(*_: object) -> list[Any]:
            go.wait(10)
            over.set()
            return []

        lookup = Lookup(reactor, slow)
        answer = self.asked(lookup, "host")
        lookup.stop()
        go.set()
        over.wait(10)
        await self.asked(Lookup(reactor), "localhost")
        self.assertNoResult(answer)

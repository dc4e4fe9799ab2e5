"""One attempt to deliver a webhook, at real receivers that answer well, badly or not at all (http-api.md 12.5)."""

from __future__ import annotations

import socket
import threading

from twisted.internet import reactor, tcp
from twisted.internet.defer import gatherResults
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from sockudo_tx import __version__
from sockudo_tx.backends.webhooks import http
from sockudo_tx.interfaces import Outcome
from sockudo_tx.protocol.app import Webhook
from sockudo_tx.protocol.auth import hex_hmac
from tests.integration.receiver import answering, endless, resetting, saying, silent
from tests.integration.sending import APP, BODY, SenderCase, job


def connections() -> set[tcp.Client]:
    """Ours to receivers."""
    return {each for each in (*reactor.getReaders(), *reactor.getWriters()) if isinstance(each, tcp.Client)}


class RequestTests(SenderCase):
    """What a receiver is sent"""

    async def test_H102_request(self) -> None:
        """A POST of the signed bytes with Pusher's headers, the delivery's id, and who we are."""
        receiver, one = self.receiver(), job()
        outcome = await self.sender().send(one, APP, Webhook(url=receiver.url + "?a=1&b=%2F"))
        self.assertEqual(outcome, Outcome(True, 200, ""))
        (request,) = receiver.requests
        self.assertEqual(request.line, "POST /hooks?a=1&b=%2F HTTP/1.1")
        self.assertEqual(request.body, BODY)
        self.assertEqual(request.values("X-Pusher-Key"), ["app-key"])
        self.assertEqual(request.values("X-Pusher-Signature"), [hex_hmac("app-secret", request.body)])
        self.assertEqual(request.values("X-Sockudo-Delivery"), [one.id])
        self.assertEqual(request.values("User-Agent"), [f"sockudo_tx/{__version__}"])
        self.assertEqual(request.values("Host"), [f"localhost:{receiver.port}"])
        names = sorted(name.lower() for name, _ in request.headers)
        ours = ["x-pusher-key", "x-pusher-signature", "x-sockudo-delivery"]
        self.assertEqual(names, sorted(["host", "content-length", "content-type", "user-agent", *ours]))

    async def test_H103_content_type(self) -> None:
        """Configured headers are added, but replace none of ours: Content-Type is exactly `application/json`."""
        receiver = self.receiver()
        strange = "content-TYPE X-PUSHER-KEY x-pusher-signature X-Sockudo-Delivery user-agent HOST content-length"
        headers = dict.fromkeys([*strange.split(), "transfer-encoding", "Connection"], "mine")
        webhook = Webhook(url=receiver.url, headers={**headers, "Authorization": "Bearer x", "X-Name": "caf\u00e9"})
        self.assertTrue((await self.sender().send(job(), APP, webhook)).ok)
        (request,) = receiver.requests
        self.assertEqual(request.values("Content-Type"), ["application/json"])
        self.assertEqual(request.values("Authorization"), ["Bearer x"])
        self.assertEqual(request.values("X-Name"), ["caf\u00e9"])
        self.assertEqual(request.body, BODY)
        self.assertNotIn("mine", [value for _, value in request.headers])

    async def test_user_and_password(self) -> None:
        """Those of the address go into an Authorization header, where they are of use, and not into the Host."""
        receiver = self.receiver()
        url = receiver.url.replace("localhost", "me:p%40ss@localhost")
        self.assertTrue((await self.sender().send(job(), APP, Webhook(url=url))).ok)
        (request,) = receiver.requests
        self.assertEqual(request.values("Authorization"), ["Basic bWU6cEBzcw=="])
        self.assertEqual(request.values("Host"), [f"localhost:{receiver.port}"])

    async def test_no_cookies(self) -> None:
        """A cookie that an answer sets is not sent with the next attempt."""
        receiver = self.receiver(answering("200 OK", headers="Set-Cookie: a=b; Path=/\r\n"))
        sender = self.sender()
        for _ in range(2):
            await sender.send(job(), APP, Webhook(url=receiver.url))
        self.assertEqual([request.values("Cookie") for request in receiver.requests], [[], []])

    async def test_H115_same_bytes_again(self) -> None:
        """A delivery made again after a 500 has the same bytes, signature and id."""
        receiver, one, sender = self.receiver(answering("500 Oh", b"no")), job(), self.sender()
        for _ in range(2):
            outcome = await sender.send(one, APP, Webhook(url=receiver.url))
            self.assertEqual(outcome, Outcome(False, 500, "the answer was 500"))
        first, second = receiver.requests
        self.assertEqual((first.headers, first.body), (second.headers, second.body))


class AnswerTests(SenderCase):
    """What an answer means"""

    async def test_any_2xx_is_delivered(self) -> None:
        """200, 201, 202, 204 and 299, with a body, without, in chunks, or broken off within the body."""
        chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        broken = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok"
        until_closed = b"HTTP/1.0 200 OK\r\n\r\nok"
        nothing = b"HTTP/1.1 204 No Content\r\n\r\n"
        behaviours = [answering(f"{status} Fine", b"fine") for status in (200, 201, 202, 299)]
        behaviours += [saying(data) for data in (chunks, broken, until_closed, nothing)]
        for behaviour in behaviours:
            self.assertTrue((await self.outcome(behaviour)).ok)

    async def test_everything_else_is_not(self) -> None:
        """400, 404, 410, 429, 500 and 503 are failures, and told apart."""
        for status in (400, 404, 410, 429, 500, 503):
            outcome = await self.outcome(answering(f"{status} No", b"no"))
            self.assertEqual(outcome, Outcome(False, status, f"the answer was {status}"))

    async def test_H117_redirects_are_failures(self) -> None:
        """A redirect is a failure, and nobody goes where it points."""
        other = self.receiver()
        for status in (301, 302, 303, 307, 308):
            outcome = await self.outcome(answering(f"{status} There", headers=f"Location: {other.url}\r\n"))
            self.assertEqual((outcome.ok, outcome.status), (False, status))
            self.assertIn("redirects are not followed", outcome.reason)
        self.assertEqual(other.connections, 0)

    async def test_broken_answers(self) -> None:
        """Garbage, an early end, a reset and half a head are failures with a reason in words."""
        closed = "the connection was closed without an answer"
        for behaviour, reason in (
            (saying(b"SSH-2.0-OpenSSH_9\r\n\r\n"), "the answer is not HTTP"),
            (saying(b"HTTP/1.1 OK\r\n\r\n"), "the answer is not HTTP"),
            (saying(b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"), "the answer is not HTTP"),
            (saying(b""), closed),
            (saying(b"HTTP/1.1 200 OK\r\nContent-Le"), closed),
            (resetting, closed),
        ):
            self.assertEqual(await self.outcome(behaviour), Outcome(False, None, reason))

    async def test_nobody_listens(self) -> None:
        """A port without a listener, and a name that nobody has."""
        sender, receiver = self.sender(), self.receiver()
        receiver.close()
        refused = await sender.send(job(), APP, Webhook(url=receiver.url))
        self.assertEqual(refused, Outcome(False, None, "the connection was refused"))
        unknown = await sender.send(job(), APP, Webhook(url="http://nobody.invalid/"))
        self.assertEqual(unknown, Outcome(False, None, "the host's name is not known"))

    async def test_secrets_are_not_told(self) -> None:
        """No reason holds the address' query, user or password, or a header's value."""
        sender, receiver = self.sender(1), self.receiver(saying(b"garbage\r\n\r\n"))
        for port in (receiver.port, 1):
            url = f"http://hidden:hidden@localhost:{port}/hidden?token=hidden"
            outcome = await sender.send(job(), APP, Webhook(url=url, headers={"X-Token": "hidden"}))
            self.assertFalse(outcome.ok)
            self.assertNotIn("hidden", outcome.reason)

    async def test_nothing_is_logged(self) -> None:
        """Connections and their failures leave no lines in the log: whoever asked for the attempt knows its outcome."""
        lines: list[str | None] = []

        def observer(event: LogEvent) -> None:
            lines.append(formatEvent(event))

        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        for behaviour in (answering("200 OK"), answering("500 Oh"), saying(b"garbage\r\n\r\n"), resetting, saying(b"")):
            await self.outcome(behaviour)
        self.assertEqual(lines, [])


class BoundTests(SenderCase):
    """What an attempt may take"""

    async def test_H116_endpoint_hangs(self) -> None:
        """Without an answer an attempt fails when its time is over, and its connection is gone."""
        receiver = self.receiver(silent)
        outcome = await self.sender(0.2).send(job(), APP, Webhook(url=receiver.url))
        self.assertEqual(outcome, Outcome(False, None, "no answer within 0.2 s"))

    async def test_answer_before_the_body(self) -> None:
        """A receiver that answers but takes no byte of a large body: the answer counts, the connection ends unsent."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        answer = b"HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        peers: list[socket.socket] = []

        def refuse() -> None:
            peers.append(listener.accept()[0])
            peers[0].sendall(answer)

        threading.Thread(target=refuse, daemon=True).start()
        self.addCleanup(lambda: [peer.close() for peer in peers])
        large = job()._replace(events=('{"name":"' + "x" * 2**24 + '"}',))
        webhook = Webhook(url=f"http://127.0.0.1:{listener.getsockname()[1]}/")
        outcome = await self.sender().send(large, APP, webhook)
        self.assertEqual(outcome, Outcome(False, 413, "the answer was 413"))
        self.assertEqual(connections(), set())

    async def test_H116_hanging_endpoints_beside_a_good_one(self) -> None:
        """Twenty endpoints that never answer, four attempts at each, do not keep a healthy one waiting."""
        good, sender = self.receiver(), self.sender(20)
        hanging = [self.receiver(silent) for _ in range(20)]
        stuck = [sender.send(job(), APP, Webhook(url=each.url)) for each in hanging for _ in range(4)]
        self.assertTrue((await sender.send(job(), APP, Webhook(url=good.url))).ok)
        self.assertFalse(any(attempt.called for attempt in stuck))
        await sender.close()
        self.assertEqual({outcome.ok for outcome in await gatherResults(stuck)}, {False})

    async def test_endless_head(self) -> None:
        """A head that does not end within 64 KiB is a failure, long before the time is over."""
        stop = threading.Event()
        self.addCleanup(stop.set)
        line = b"X-More: " + b"x" * 1000 + b"\r\n"
        outcome = await self.outcome(endless(b"HTTP/1.1 200 OK\r\n", line, stop, 0))
        self.assertEqual(outcome, Outcome(False, None, "the answer's head is longer than 64 KiB"))

    async def test_long_body(self) -> None:
        """Of a body at most 64 KiB are read; what counts is the status before it."""
        stop = threading.Event()
        self.addCleanup(stop.set)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        piece = b"400\r\n" + b"x" * 1024 + b"\r\n"
        receiver = self.receiver(endless(head, piece, stop, 0))
        outcome = await self.sender(10 * self.timeout).send(job(), APP, Webhook(url=receiver.url))
        self.assertEqual(outcome, Outcome(True, 200, ""))

    async def test_dripping_body(self) -> None:
        """A body that drips without end holds the attempt no longer than its time, and the status still counts."""
        stop = threading.Event()
        self.addCleanup(stop.set)
        for status, ok in ((200, True), (500, False)):
            head = f"HTTP/1.1 {status} So\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            outcome = await self.outcome(endless(head, b"1\r\nx\r\n", stop, 0.02), 0.3)
            self.assertEqual((outcome.ok, outcome.status), (ok, status))

    async def test_dripping_head(self) -> None:
        """A head that drips without end fails when the time is over: what arrives does not prolong it."""
        stop = threading.Event()
        self.addCleanup(stop.set)
        outcome = await self.outcome(endless(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", stop, 0.02), 0.3)
        self.assertEqual(outcome, Outcome(False, None, "no answer within 0.3 s"))


class ConnectionTests(SenderCase):
    """Connections"""

    async def test_used_again(self) -> None:
        """Ten attempts one after the other use one connection, whatever they are answered."""
        for status in ("200 OK", "204 No Content", "500 Oh"):
            receiver, sender = self.receiver(answering(status)), self.sender()
            for _ in range(10):
                await sender.send(job(), APP, Webhook(url=receiver.url))
            self.assertEqual((len(receiver.requests), receiver.connections), (10, 1))

    async def test_many_hosts(self) -> None:
        """However many hosts there are, only so many are remembered, and those asked again are asked as well."""
        self.patch(http, "_HOSTS", 3)
        receivers, sender = [self.receiver() for _ in range(8)], self.sender()
        for _ in range(2):
            for receiver in receivers:
                self.assertTrue((await sender.send(job(), APP, Webhook(url=receiver.url))).ok)
        self.assertLessEqual(len(sender._pool._connections), 3)
        self.assertEqual([len(receiver.requests) for receiver in receivers], [2] * 8)

    async def test_adjusted(self) -> None:
        """A shorter patience and stricter addresses hold from the next attempt on, for open connections too."""
        receiver, mute, sender = self.receiver(), self.receiver(silent), self.sender()
        self.assertTrue((await sender.send(job(), APP, Webhook(url=receiver.url))).ok)
        sender.adjust(0.2, True)
        outcome = await sender.send(job(), APP, Webhook(url=mute.url))
        self.assertEqual(outcome.reason, "no answer within 0.2 s")
        sender.adjust(10, False)
        outcome = await sender.send(job(), APP, Webhook(url=receiver.url))
        self.assertIn("an internal address", outcome.reason)
        self.assertEqual(len(receiver.requests), 1)

    async def test_256_at_once(self) -> None:
        """256 attempts in parallel all arrive; of their connections four are kept."""
        receiver, sender = self.receiver(), self.sender(20)
        attempts = [sender.send(job(), APP, Webhook(url=receiver.url)) for _ in range(256)]
        outcomes = await gatherResults(attempts)
        self.assertEqual(outcomes, [Outcome(True, 200, "")] * 256)
        self.assertEqual(len({request.values("X-Sockudo-Delivery")[0] for request in receiver.requests}), 256)
        before = receiver.connections
        await gatherResults([sender.send(job(), APP, Webhook(url=receiver.url)) for _ in range(4)])
        self.assertEqual(receiver.connections, before)

    async def test_stop_while_attempts_run(self) -> None:
        """Stopping ends attempts that wait for an answer, drops all connections, and no attempt is made after it."""
        receiver, good, sender = self.receiver(silent), self.receiver(), self.sender()
        await sender.send(job(), APP, Webhook(url=good.url))
        attempts = [sender.send(job(), APP, Webhook(url=receiver.url)) for _ in range(10)]
        while len(receiver.requests) < 10:
            await sender.send(job(), APP, Webhook(url=good.url))
        clients = connections()
        self.assertEqual(len(clients), 11)
        await sender.close()
        self.assertEqual({client.disconnected for client in clients}, {1})
        stopping = Outcome(False, None, "the server is stopping")
        self.assertEqual(await gatherResults(attempts), [stopping] * 10)
        self.assertEqual(await sender.send(job(), APP, Webhook(url=good.url)), stopping)

    async def test_stop_while_connecting(self) -> None:
        """Stopping ends attempts that have not yet found their host."""
        sender = self.sender()
        attempt = sender.send(job(), APP, Webhook(url="http://localhost:1/"))
        await sender.close()
        self.assertEqual((await attempt).reason, "the server is stopping")

    async def test_internal_addresses(self) -> None:
        """Without the option nothing goes to this machine, by whatever name; with it, still not to metadata services."""
        receiver, sender = self.receiver(), self.sender(allow_internal=False)
        for host in ("localhost", "127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0"):
            outcome = await sender.send(job(), APP, Webhook(url=f"http://{host}:{receiver.port}/"))
            self.assertFalse(outcome.ok)
            self.assertRegex(outcome.reason, "is an (internal|unspecified) address")
        self.assertEqual(receiver.connections, 0)
        outcome = await self.sender().send(job(), APP, Webhook(url="http://169.254.169.254/latest/meta-data"))
        self.assertEqual(outcome.reason, "169.254.169.254 is a link-local address")

"""Debug mode: names and sizes of what comes and goes, and why something was refused; never data (http-api.md 13)."""

from __future__ import annotations

import re
from typing import Any

from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine import traced
from sockudo_tx.engine.traced import FRAMES, REFUSALS, TracedEngine
from sockudo_tx.logs import human_line
from sockudo_tx.testing import MemoryServer, fixture_app


class TracedTests(SynchronousTestCase):
    """`TracedEngine`"""

    def setUp(self) -> None:
        self.lines: list[str] = []

        def observe(event: dict[str, Any]) -> None:
            if event["log_namespace"] in (FRAMES, REFUSALS):
                self.lines.append(human_line(event)[28:].rstrip())

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.server = MemoryServer([fixture_app(enable_user_authentication=True)], engine=TracedEngine)

    def take(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines

    def test_in_and_out(self) -> None:
        """A line for what a client says and one for what it is told, with its socket id."""
        client = self.server.client()
        client.subscribe("news")
        who = f"socket_id={client.established}"
        self.assertEqual(
            [re.sub(r"bytes=\d+", "bytes=N", line) for line in self.take()],
            [
                "DEBUG sockudo.frames: in connect key=key address=127.0.0.1 client=js/8.4.0",
                "DEBUG sockudo.frames: out pusher:connection_established bytes=N",
                f"DEBUG sockudo.frames: in pusher:subscribe {who} channel=news bytes=N",
                f"DEBUG sockudo.frames: out pusher_internal:subscription_succeeded {who} channel=news bytes=N",
            ],
        )

    def test_crowd(self) -> None:
        """One line for an event to a crowd, with their number; everybody gets it."""
        clients = [self.server.client() for _ in range(20)]
        for client in clients:
            client.subscribe("news")
        self.take()
        self.server.publish("news", "hello", "the payload")
        self.assertEqual(self.take(), ["DEBUG sockudo.frames: out hello sockets=20 channel=news bytes=55"])
        self.assertEqual(
            {client.take()[-1] for client in clients}, {'{"event":"hello","channel":"news","data":"the payload"}'}
        )

    def test_refusal(self) -> None:
        """The refusal of a signature says which part is another."""
        client = self.server.client()
        self.take()
        client.subscribe("private-a", auth="key:nonsense")
        refusal = next(line for line in self.take() if "refused" in line)
        self.assertIn("Authentication error: Channel requires authentication code=4009 app_id=app", refusal)
        self.assertIn("because='auth: is not the signature of socket", refusal)

    def test_other_refusals(self) -> None:
        """A refusal that has nothing to do with a signature is not explained by one; broken JSON has a line too."""
        client = self.server.client()
        client.send({"event": "pusher:subscribe", "data": {"channel": "a b"}})
        client.send("{")
        lines = [line for line in self.take() if "refused" in line]
        self.assertEqual(len(lines), 2, lines)
        self.assertFalse(any("because=" in line for line in lines), lines)

    def test_refused_connections(self) -> None:
        """A connection that is not let in has a line that says why, with the key and the origin it came with."""
        self.server = MemoryServer([fixture_app(allowed_origins=("https://a.example",))], engine=TracedEngine)
        self.server.connect("/app/nobody")
        self.server.connect("/app/key", origin="https://b.example")
        self.server.pump()
        self.server.client(origin="https://a.example").close()
        self.assertEqual(
            [line for line in self.take() if REFUSALS in line],
            [
                "DEBUG sockudo.refusals: refused: Application does not exist code=4001 key=nobody",
                "DEBUG sockudo.refusals: refused: Origin not allowed code=4009 key=key origin=https://b.example",
            ],
        )

    def test_bounded(self) -> None:
        """So many explanations a second: they are not cheap, and anybody can be refused."""
        client = self.server.client()
        for _ in range(traced.EXPLANATIONS_A_SECOND + 5):
            client.subscribe("private-a", auth="key:nonsense")
        lines = self.take()
        self.assertEqual(sum("because=" in line for line in lines), traced.EXPLANATIONS_A_SECOND)
        self.assertEqual(sum("refused" in line for line in lines), traced.EXPLANATIONS_A_SECOND + 5)

    def test_no_data(self) -> None:
        """Nothing of what is said is logged, however it is wrapped."""
        client = self.server.client()
        client.send({"event": "client-x", "channel": "private-a", "data": {"event": "hidden", "channel": "hidden"}})
        client.send('{"data":{"channel":["hidden"]},"event":"x"}')
        client.send('{"event":"x","data":"{\\"channel\\":\\"hidden\\"}"}')
        client.signin("hidden", user_data='{"id":"hidden"}')
        self.server.publish("private-a", "e", "hidden")
        self.assertFalse(any("hidden" in line for line in self.take()))

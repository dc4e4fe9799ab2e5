"""Log lines for people and machines, and which of them pass the filter."""

from __future__ import annotations

import io
import json
import sys
import warnings
from typing import Any

from twisted.logger import LogBeginner, Logger, LogLevel, LogPublisher, PredicateResult
from twisted.python.failure import Failure
from twisted.trial import unittest

from sockudo_tx.logs import LogSettings, TargetFilter, Wanted, directives, human_line, json_line, observer_to, wanted

NOON = 1_774_041_764.123456  # 2026-03-20T21:22:44.123456Z


def event(message: str = "listening", namespace: str = "sockudo_tx.service.Server", **fields: Any) -> dict[str, Any]:
    return {
        "log_time": NOON,
        "log_level": LogLevel.info,
        "log_namespace": namespace,
        "log_format": message,
        **fields,
    }


class LineTests(unittest.TestCase):
    """The two shapes of a line (http-api.md 13)."""

    def test_human(self) -> None:
        """Time in UTC with microseconds, level right-aligned to five, target, message, fields."""
        self.assertEqual(
            human_line(event(host="0.0.0.0", port=6001)),
            "2026-03-20T21:22:44.123456Z  INFO sockudo.service: listening host=0.0.0.0 port=6001\n",
        )

    def test_human_without_target(self) -> None:
        """`logging.include_target: false` leaves the target out."""
        self.assertEqual(human_line(event(), include_target=False), "2026-03-20T21:22:44.123456Z  INFO listening\n")

    def test_fields_shown_once(self) -> None:
        """A field that the message shows is not repeated; white space in a value is quoted."""
        line = human_line(event("ready at {url}", url="http://a", note="two words", empty=""))
        self.assertTrue(line.endswith("ready at http://a note='two words' empty=''\n"), line)

    def test_colors(self) -> None:
        """Colours surround the level only."""
        self.assertIn("Z \x1b[32m INFO\x1b[0m sockudo", human_line(event(), colors=True))

    def test_json(self) -> None:
        """One object with timestamp, level, target and fields; the message is a field."""
        self.assertEqual(
            json.loads(json_line(event("ready at {url}", url="http://a", port=1, other=["x"]))),
            {
                "timestamp": "2026-03-20T21:22:44.123456Z",
                "level": "INFO",
                "target": "sockudo.service",
                "fields": {"message": "ready at http://a", "url": "http://a", "port": 1, "other": "['x']"},
            },
        )

    def test_one_line_each(self) -> None:
        """A message with line breaks stays one line, so that nobody can forge a record."""
        self.assertEqual(human_line(event("{said}", said="a\nb")).count("\n"), 1)
        self.assertEqual(json_line(event("{said}", said="a\nb")).count("\n"), 1)

    def test_H101_neither_lines_nor_terminal_commands_of_strangers(self) -> None:
        """What a client calls itself ends no line and commands no terminal, in a message, a field or a traceback."""
        # Line ends of every kind, ESC, the one-byte CSI, DEL, right-to-left, half a character.
        name = "a\nb\rc\x1b[31md\x85e\x9b2Jf\x7fg\u2028h\u202ei\ud800j"
        try:
            raise ValueError(name)
        except ValueError:
            failed = event("in {event}", event=name, channel=name, word="x\x1b[2Jy", log_failure=Failure())
        human = human_line(failed)
        self.assertTrue(human.replace("\n", "").isprintable(), human)
        self.assertNotIn("\nb", human.partition("\nTraceback")[0])
        self.assertIn("in a\\nb\\rc\\x1b[31md\\x85e\\x9b2Jf\\x7fg\\u2028h\\u202ei\\ud800j", human)
        self.assertIn("word='x\\x1b[2Jy'", human)
        line = json_line(failed)
        self.assertTrue(line[:-1].isprintable(), line)
        self.assertEqual(json.loads(line)["fields"]["channel"], name)

    def test_other_scripts(self) -> None:
        """Names in any script are written as they are."""
        self.assertIn("канал-日本-🎉", human_line(event(channel="канал-日本-🎉")))
        self.assertIn("канал-日本-🎉", json_line(event(channel="канал-日本-🎉")))

    def test_failure(self) -> None:
        """A failure tells its reason on the line and its traceback below it, or as a JSON field."""
        failure = Failure(ValueError("broken"))
        line = human_line(event("sending failed", log_failure=failure))
        self.assertIn("sending failed: ValueError: broken\n", line)
        self.assertIn("Traceback", line)
        fields = json.loads(json_line(event("sending failed", log_failure=failure)))["fields"]
        self.assertIn("Traceback", fields["traceback"])

    def test_names_that_may_hold_secrets(self) -> None:
        """Fields named like a secret are masked, whatever they hold."""
        masked = ("secret", "app_secret", "auth_signature", "signature", "redis_password", "passphrase", "nats_token")
        for name in (*masked, "query", "body", "token", "auth"):
            self.assertNotIn("hunter2", human_line(event(**{name: "hunter2"})))
            self.assertNotIn("hunter2", json_line(event(**{name: "hunter2"})))


class FilterTests(unittest.TestCase):
    """Directives as in RUST_LOG."""

    def passes(self, directives: str, level: str, namespace: str = "sockudo_tx.engine") -> bool:
        found = TargetFilter(directives)(event(namespace=namespace, log_level=LogLevel.lookupByName(level)))
        return found is PredicateResult.maybe

    def test_global_level(self) -> None:
        """A bare word is the lowest level that passes; `off` lets nothing pass."""
        self.assertEqual([self.passes("warn", level) for level in ("info", "warn", "error")], [False, True, True])
        self.assertFalse(self.passes("off", "critical"))
        self.assertTrue(self.passes("trace", "debug"))

    def test_target(self) -> None:
        """`target=level` counts for the target and what is below it; the longest target wins."""
        self.assertFalse(self.passes("info,sockudo.eng=debug", "debug"))
        text = "error,sockudo=info,sockudo.engine=debug"
        self.assertTrue(self.passes(text, "debug", "sockudo_tx.engine.server.Engine"))
        self.assertFalse(self.passes(text, "debug", "sockudo_tx.transports"))
        self.assertTrue(self.passes(text, "info", "sockudo_tx.transports"))
        self.assertFalse(self.passes(text, "info", "twisted.web"))

    def test_libraries(self) -> None:
        """Libraries log from `warn` on unless a directive names them."""
        self.assertFalse(self.passes("info", "info", "twisted.internet.protocol.Factory"))
        self.assertTrue(self.passes("info", "warn", "twisted.internet.protocol.Factory"))
        self.assertTrue(self.passes("info,twisted=debug", "debug", "twisted.internet.protocol.Factory"))

    def test_parts_of_the_reference(self) -> None:
        """A filter that was written for Sockudo's own parts shows as much of ours, and silences nothing."""
        for part in ("sockudo_adapter", "sockudo_ws::handler", "sockudo::adapter", "sockudo_tx", "sockudo_tx.engine"):
            self.assertTrue(self.passes(f"info,{part}=debug", "debug"), part)
            self.assertTrue(self.passes(f"sockudo=warn,{part}=debug", "debug"), part)
        self.assertTrue(self.passes("info,sockudo_ws=off", "info"))
        self.assertFalse(self.passes("info,sockudo_tx.engine=off", "info"))

    def test_requests(self) -> None:
        """Single HTTP requests are logged in debug mode, and where a directive asks for them."""
        for text in (directives({}, True), "debug", "warn,tower_http=debug", "sockudo.http=trace"):
            self.assertTrue(wanted(text).requests, text)
        for text in (directives({}, False), "debug,tower_http=info", "warn", "sockudo.engine=debug"):
            self.assertFalse(wanted(text).requests, text)

    def test_wanted(self) -> None:
        """What is dear to make is made only for a filter that lets it through."""
        for text, found in (
            ("info", Wanted(connections=True)),
            ("warn", Wanted()),
            ("info,sockudo=debug,tower_http=debug", Wanted(True, True, True, True)),
            ("info,sockudo.refusals=debug", Wanted(refusals=True, connections=True)),
            ("debug,sockudo.frames=info,sockudo.connections=error", Wanted(requests=True, refusals=True)),
        ):
            self.assertEqual(wanted(text), found, text)

    def test_nonsense(self) -> None:
        """A directive that is none is left out; the others count."""
        self.assertTrue(self.passes("loud,=,sockudo=debug", "debug"))
        self.assertFalse(self.passes("loud", "debug"))

    def test_sources(self) -> None:
        """RUST_LOG beats the variable of the mode, which beats LOG_LEVEL, which beats the mode's own words."""
        environ = {"LOG_LEVEL": "error"}
        self.assertEqual(directives({}, False), "info")
        self.assertIn("sockudo=debug", directives({}, True))
        self.assertEqual(directives(environ, False), "error")
        environ["SOCKUDO_LOG_PROD"] = "warn"
        environ["SOCKUDO_LOG_DEBUG"] = "debug"
        self.assertEqual((directives(environ, False), directives(environ, True)), ("warn", "debug"))
        environ["RUST_LOG"] = "off"
        self.assertEqual(directives(environ, True), "off")


class ObserverTests(unittest.TestCase):
    """An observer on a stream."""

    def logged(self, settings: LogSettings) -> str:
        out = io.StringIO()
        log = Logger("sockudo_tx.service", observer=LogPublisher(observer_to(out, settings)))
        log.debug("not shown")
        log.info("shown", port=1)
        return out.getvalue()

    def test_human(self) -> None:
        """Lines for people, without colours where the stream is no terminal."""
        text = self.logged(LogSettings())
        self.assertTrue(text.endswith(" INFO sockudo.service: shown port=1\n"), text)
        self.assertEqual(text.count("\n"), 1)

    def test_source(self) -> None:
        """In debug mode a line names the file and line that logged."""
        fields = json.loads(self.logged(LogSettings(json=True, source=True)))["fields"]
        self.assertTrue(fields["filename"].endswith("test_logs.py"), fields)
        self.assertIn("line_number", fields)

    def test_source_of_kept_events(self) -> None:
        """Events from before logging began come without: what replays them is not where they are from."""
        out = io.StringIO()
        beginner = LogBeginner(LogPublisher(), io.StringIO(), sys, warnings)
        Logger("sockudo_tx.start", observer=beginner._publisher).info("early")
        beginner.beginLoggingTo([observer_to(out, LogSettings(json=True, source=True))], redirectStandardIO=False)
        self.assertEqual(json.loads(out.getvalue())["fields"], {"message": "early"})

    def test_json(self) -> None:
        """JSON lines."""
        self.assertEqual(json.loads(self.logged(LogSettings(json=True)))["fields"], {"message": "shown", "port": 1})

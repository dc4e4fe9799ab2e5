"""What workers print, on its way to the log of their parent."""

from __future__ import annotations

import io
import json
import os
from typing import Any, cast

from twisted.logger import ILogObserver, Logger, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.hub.output import Manner, Output, WorkerOutput, unblocked, worker_log
from sockudo_tx.logs import LogSettings

PLAIN = Manner()


class Pipe(io.BytesIO):
    """What a worker has written."""

    def taken(self) -> bytes:
        data = self.getvalue()
        self.seek(0)
        self.truncate()
        return data


class OutputCase(SynchronousTestCase):
    """A worker in slot 1, which is worker 2"""

    def setUp(self) -> None:
        self.out, self.pipe, self.output = io.StringIO(), Pipe(), Output()
        self.output.write_to(self.out)
        self.worker = self.output(1)
        self.said: list[dict[str, Any]] = []
        self.patch(WorkerOutput, "_log", Logger(observer=cast("ILogObserver", self.said.append)))

    def logger(self, manner: Manner = PLAIN, **settings: Any) -> Logger:
        log = worker_log(self.pipe, LogSettings(**settings), manner, 1)
        return Logger(namespace="sockudo_tx.part", observer=log)

    def received(self) -> str:
        """What the hub's log has got, after everything has come through the pipe."""
        self.worker.received(self.pipe.taken())
        return self.out.getvalue()

    @property
    def warned(self) -> list[str]:
        return [event["line"] for event in self.said]


class LinesTests(OutputCase):
    """To a file or a terminal"""

    def test_text(self) -> None:
        """A line of the log arrives as it is, and says which worker wrote it."""
        self.logger().info("hello {name}", name="all", port=1)
        self.assertRegex(self.received(), r"^\S+Z  INFO sockudo\.part: hello all port=1 worker=2\n$")

    def test_json(self) -> None:
        """So does one in JSON, with a number for the worker."""
        self.logger(json=True).warn("hello {name}", name="all")
        fields = json.loads(self.received())["fields"]
        self.assertEqual(fields, {"message": "hello all", "name": "all", "worker": 2})

    def test_one_process(self) -> None:
        """Without workers no line speaks of one."""
        log = worker_log(self.pipe, LogSettings(), Manner(), -1)
        Logger(namespace="x", observer=log).warn("hello")
        self.assertNotIn("worker", self.received())

    def test_colours(self) -> None:
        """A worker writes colours when its parent's log is a terminal; that is asked at each start of one."""
        self.assertEqual(self.output.manner, Manner(events=False, terminal=False))
        self.patch(self.out, "isatty", lambda: True)
        self.assertTrue(self.output.manner.terminal)
        self.logger(self.output.manner).info("hello")
        self.assertIn("\x1b[32m INFO\x1b[0m", self.received())

    def test_cut_anywhere(self) -> None:
        """Whatever the pieces, lines of several workers never mix."""
        log, other = self.logger(), self.output(5)
        for number in range(5):
            log.info("läng {number}", number=number)
        for byte in self.pipe.taken():
            self.worker.received(bytes((byte,)))
            other.received(b"\x1eother\n")
        lines = self.out.getvalue().splitlines()
        said = [line.partition("part: ")[2] for line in lines if line != "other"]
        self.assertEqual(said, [f"läng {number} worker=2" for number in range(5)])

    def test_traceback(self) -> None:
        """A traceback in an event stays below its line."""
        log = self.logger()
        try:
            raise ValueError("broken")
        except ValueError:
            log.failure("it failed")
        first, *rest = self.received().splitlines()
        self.assertIn("it failed: ValueError: broken worker=2", first)
        self.assertIn("Traceback", rest[0])
        self.assertEqual(self.said, [])

    def test_other_output(self) -> None:
        """What is no line of the log becomes one: the interpreter's traceback of a worker that hangs, a print."""
        self.worker.received(b"Fatal Python error: Aborted\n\nThread 0x1:\n  File ")
        self.assertEqual(self.warned, ["Fatal Python error: Aborted", "Thread 0x1:"])
        self.worker.received(b'"x.py"')
        self.worker.ended()
        self.assertEqual(self.warned[2:], ['  File "x.py"'])
        self.assertEqual({event["worker"] for event in self.said}, {2})
        self.assertEqual(self.out.getvalue(), "")

    def test_endless_line(self) -> None:
        """A line without an end is written in pieces, and no more than a piece is kept."""
        self.worker.received(b"\x1e" + b"a" * (1 << 20))
        for times in range(3):
            self.worker.received(b"b" * (1 << 20))
            self.assertGreater(len(self.out.getvalue()), (times + 1) << 20)
        self.worker.received(b"c\n\x1enext\n")
        pieces = self.out.getvalue().split("\n")
        self.assertEqual("".join(pieces), "a" * (1 << 20) + "b" * (3 << 20) + "cnext")
        self.assertEqual(pieces[-2], "next")
        self.assertEqual(self.said, [])
        self.worker.received(b"something else\n")
        self.assertEqual(self.warned, ["something else"])

    def test_last(self) -> None:
        """Why a worker could not start is found in what it said last."""
        log = self.logger()
        log.critical("cannot start: {reason}", reason="no key")
        self.worker.received(self.pipe.taken() + b"Exception ignored\n")
        self.assertEqual(self.worker.last, "cannot start: no key")
        log = self.logger(json=True)
        log.critical("cannot start: {reason}", reason="no port")
        self.received()
        self.assertEqual(self.worker.last, "cannot start: no port")
        other = self.output(0)
        other.received(b"ImportError: no module\n")
        self.assertEqual(other.last, "ImportError: no module")

    def test_full_disk(self) -> None:
        """A log that cannot be written ends no worker, and neither does one in another encoding."""

        class Full(io.StringIO):
            def write(self, text: str) -> int:
                raise OSError(28, "No space left on device")

        self.output.write_to(Full())
        self.logger().info("lost")
        self.received()
        ascii_only = io.TextIOWrapper(io.BytesIO(), "ascii")
        self.output.write_to(ascii_only)
        self.logger().info("grün")
        self.received()
        self.assertIn(b"gr\\xfcn", ascii_only.buffer.getvalue())


class EventTests(OutputCase):
    """To an observer that is not ours"""

    def test_told_again(self) -> None:
        """Syslog and `--logger` see the worker's events: level, target, time, message, fields and traceback."""
        output = Output()
        seen: list[dict[str, Any]] = []
        observe = cast("ILogObserver", seen.append)
        self.assertEqual(output.manner, Manner(events=True))
        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        log = self.logger(output.manner, colors=True)
        log.warn("hello {{x}} {name}", name="all", log_odd=1)
        try:
            raise ValueError("broken")
        except ValueError:
            log.failure("it failed")
        worker = output(1)
        worker.received(self.pipe.taken() + b'\x1e{"level": 1}\n\x1enot json\n\x1e{"fields": {}, "level": "x"}\n')
        first, second = [event for event in seen if event.get("worker") == 2]
        self.assertEqual((first["log_level"], first["log_namespace"]), (LogLevel.warn, "sockudo.part"))
        self.assertEqual(first["log_format"].format(**first), "hello {x} all")
        self.assertEqual(first["name"], "all")
        self.assertIn("Traceback", second["log_message"])
        self.assertEqual(second["log_level"], LogLevel.critical)
        self.assertGreater(first["log_time"], 1.7e9)


class FullTests(OutputCase):
    """A parent that does not read for a while"""

    def test_lines_are_lost(self) -> None:
        """A worker whose pipe is full goes on; what fits arrives in whole lines, and how many were lost is told."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        os.set_blocking(reading, False)
        pipe = unblocked(writing)
        log = Logger(namespace="sockudo_tx.part", observer=worker_log(pipe, LogSettings(), PLAIN, 1))
        many = 2_000
        for number in range(many):
            log.info("{text}", text=f"{number}-" + "x" * 1000)
        self.worker.received(os.read(reading, 1 << 21))
        for number in range(3):
            log.info("later {number}", number=number)
        self.worker.received(os.read(reading, 1 << 21))
        arrived = self.out.getvalue().splitlines()
        early, late = arrived[:-3], arrived[-3:]
        self.assertEqual([line.count("x") for line in early], [1000] * len(early))
        self.assertIn("later 2", late[-1])
        self.assertTrue(0 < len(early) < many)
        self.assertEqual(
            self.warned, [f"{many - len(early)} lines of the log are lost: the hub did not read them in time"]
        )

"""What a node tells a remote authority later, and what it asks it."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

from twisted.logger import globalLogPublisher
from zope.interface.verify import verifyObject

from sockudo_tx.interfaces import BackendError, ChannelCounts, IAuthority, Parted

from .steady_case import ROOM, SteadyCase


class LaterTests(SteadyCase):
    """What is taken back"""

    def test_interface(self) -> None:
        """It provides the interface."""
        verifyObject(IAuthority, self.steady)

    def test_nobody_waits(self) -> None:
        """What is taken back is answered at once, whatever becomes of the authority, and told when it is there."""
        self.answer(self.join("1.1"))
        self.answer(self.steady.user_up("app", "u1", "a", "1.1"))
        self.answer(self.steady.occupy("app", ROOM, "a"))
        self.answer(self.steady.conn_open("app", "a", 0))
        self.far.down = True
        told = [
            self.part("1.1"),
            self.steady.user_down("app", "u1", "a", "1.1"),
            self.steady.vacate("app", ROOM, "a"),
            self.steady.conn_close("app", "a", 1),
            self.steady.count("app", ROOM, "a", 5),
        ]
        self.assertEqual(told, [Parted(False, 0), False, None, None, 5])
        self.pass_time(3)
        self.assertEqual(self.truth.tables()["authority.apps"], 1)
        self.far.down = False
        self.pass_time(6)
        self.assertEqual(self.truth.tables()["authority.apps"], 0)

    def test_at_once(self) -> None:
        """A few do not wait for others; those behind a full batch do, for each other."""
        for number in range(60):
            self.answer(self.join(f"1.{number}"))
        self.far.names()
        for number in range(4):
            self.part(f"1.{number}")
            self.pass_time(0.001)
            self.assertEqual(len(self.far.names("part")), 1)
        for number in range(10, 50):
            self.part(f"1.{number}")
        self.pass_time(0.01)
        self.assertEqual(len(self.far.names("part")), 40)
        self.part("1.50")
        self.pass_time(0.01)
        self.assertEqual(self.far.names("part"), [])
        self.pass_time(0.1)
        self.assertEqual(self.far.names("part"), [("part", ("app", ROOM, "a", "1.50"))])

    def test_batches(self) -> None:
        """As many batches are under way as there may be, each as large as it may be; larger ones when many wait."""
        for number in range(90):
            self.part("1.1", f"presence-{number}")
        self.pass_time(0.0005)
        self.assertEqual(self.far.most, 40)
        self.pass_time(1)
        self.far.most = 0
        for number in range(3000):
            self.part("1.1", f"presence-{number}")
        self.pass_time(0.0005)
        self.assertGreater(self.far.most, 2000)

    def test_order_in_a_channel(self) -> None:
        """Of one channel everything is told in order, one batch after the other."""
        for number in range(35):
            self.part(f"1.{number}")
        self.pass_time(0.0005)
        self.assertEqual(self.far.under_way, 10)
        self.pass_time(1)
        self.assertEqual([args[3] for _, args in self.far.names("part")], [f"1.{number}" for number in range(35)])

    def test_attempts(self) -> None:
        """What fails is tried again after 0.1 s, then twice as long each time, at last every 5 s."""
        self.far.down = True
        self.part("1.1")
        self.pass_time(30)
        times = [at for at, _, _ in self.far.calls]
        waits = [round(later - earlier, 1) for earlier, later in itertools.pairwise(times)]
        self.assertEqual(waits[:8], [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
        self.far.down = False

    def test_one_line(self) -> None:
        """An outage is two lines in the log, however often it is met."""
        lines: list[str] = []

        def hear(event: dict[str, Any]) -> None:
            if event.get("log_namespace", "").startswith("sockudo_tx.engine.cluster"):
                lines.append(event["log_format"][:30])

        globalLogPublisher.addObserver(hear)
        self.addCleanup(globalLogPublisher.removeObserver, hear)
        self.far.down = True
        for number in range(50):
            self.part("1.1", f"presence-{number}")
            self.pass_time(0.1)
        self.far.down = False
        self.pass_time(10)
        self.assertEqual(lines, ["shared state cannot be reached", "shared state is reached again;"])

    def test_too_much(self) -> None:
        """When more than 100,000 changes wait they are forgotten, and the node is to register everything anew."""
        self.far.down = True
        self.part("1.1", "presence-first")
        for number in range(100_000):
            self.steady.vacate("app", f"c{number}", "a")
        self.assertEqual((self.resyncs, self.steady.backlog), (1, 0))
        self.far.down = False

    def test_settled(self) -> None:
        """Who waits for everything to be told waits no longer than that, nor than he wants to."""
        self.assertIsNone(self.steady.settled(1))
        self.steady.count("app", "c", "a", 1)
        self.part("1.1")
        settled = self.steady.settled(1)
        assert settled is not None
        self.assertNoResult(settled)
        self.pass_time(0.01)
        self.successResultOf(settled)
        self.far.down = True
        self.part("1.1")
        settled = self.steady.settled(1)
        assert settled is not None
        self.pass_time(0.9)
        self.assertNoResult(settled)
        self.pass_time(0.2)
        self.successResultOf(settled)
        self.far.down = False


class CountTests(SteadyCase):
    """Counts"""

    def setUp(self) -> None:
        super().setUp()
        self.answer(self.steady.occupy("app", "c", "a"))
        self.far.names()

    def test_last_value(self) -> None:
        """Of the counts of 50 ms the last is told; a newcomer among them is one all the same."""
        for number in range(1, 21):
            self.steady.count("app", "c", "a", number, 5.0, number == 3)
            self.pass_time(0.002)
        self.pass_time(0.02)
        self.assertEqual(self.far.names("count"), [("count", ("app", "c", "a", 20, 5.0, True))])
        self.pass_time(1)
        self.assertEqual(self.far.names(), [])

    def test_before_a_question(self) -> None:
        """Who asks for totals is told what this node knows."""
        self.steady.count("app", "c", "a", 7)
        self.assertEqual(self.answer(self.steady.counts("app", "c")), ChannelCounts(7, None))
        self.steady.count("app", "c", "a", 8)
        self.pass_time(0.0505)  # it is under way
        self.assertEqual(self.answer(self.steady.counts("app", "c")), ChannelCounts(8, None))
        self.steady.count("app", "c", "a", 9)
        self.assertEqual(self.answer(self.steady.channels("app", "")), {"c": ChannelCounts(9, None)})

    def test_of_nobody(self) -> None:
        """A channel that is vacated is not counted any more."""
        self.steady.count("app", "c", "a", 7)
        self.steady.vacate("app", "c", "a")
        self.pass_time()
        self.assertEqual([name for name, _ in self.far.names()], ["vacate"])

    def test_still_occupied(self) -> None:
        """A channel that has subscribers again before anybody was told is not vacated."""
        self.far.held = True
        self.part("1.1", "c")  # something to wait behind
        self.pass_time(0)
        self.steady.vacate("app", "c", "a")
        again = self.steady.occupy("app", "c", "a")
        self.far.release()
        self.assertFalse(self.answer(again))
        self.assertEqual([name for name, _ in self.far.names()], ["part", "occupy"])


class AskTests(SteadyCase):
    """What is asked"""

    def test_join_behind_part(self) -> None:
        """A socket that leaves and comes back is a member, however late its leaving is told; others do not wait."""
        self.answer(self.join("1.1"))
        self.far.held = True
        self.part("1.1")
        self.pass_time(0)
        back, other = self.join("1.1"), self.join("2.1", channel="presence-other")
        self.far.release()
        self.successResultOf(other)
        self.assertNoResult(back)
        self.assertEqual(self.answer(back).outcome, "ok")
        self.assertEqual(list(self.truth.snapshot("app", ROOM).members), ["u1"])

    def test_join_behind_a_failure(self) -> None:
        """Who waits behind what fails is told so; when he then takes it back, and asks again, it works."""
        self.answer(self.join("1.1"))
        self.far.down = True
        self.part("1.1")
        back = self.join("1.1", "u2")
        self.pass_time(0.01)
        self.failureResultOf(back, BackendError)
        self.part("1.1")
        self.far.down = False
        self.assertEqual(self.answer_later(self.join("1.1", "u2")).outcome, "ok")
        self.assertEqual(list(self.truth.snapshot("app", ROOM).members), ["u2"])

    def answer_later(self, answer: Any) -> Any:
        self.pass_time(1)
        return self.successResultOf(answer)

    def test_occupied_later(self) -> None:
        """A channel that is occupied while the authority is out of reach is told to be when it is back."""
        self.far.down = True
        answer = self.steady.occupy("app", "c", "a")
        self.steady.count("app", "c", "a", 3)
        self.pass_time(2)
        self.assertNoResult(answer)
        self.far.down = False
        self.pass_time(5)
        self.assertTrue(self.successResultOf(answer))
        self.pass_time(5)
        self.assertEqual(self.truth.counts("app", "c"), ChannelCounts(3, None))

    def test_occupied_in_vain(self) -> None:
        """Whoever has left by then was never there."""
        self.far.down = True
        answer = self.steady.occupy("app", "c", "a")
        self.pass_time(0.2)
        self.steady.vacate("app", "c", "a")
        self.assertFalse(self.successResultOf(answer))
        late = self.steady.occupy("app", "d", "a")
        self.steady.vacate("app", "d", "a")
        self.pass_time(0.2)
        self.failureResultOf(late, BackendError)
        self.far.down = False
        self.pass_time(10)
        self.assertEqual(self.truth.channels("app", ""), {})

    def test_told_in_the_end(self) -> None:
        """A user and a connection of which the authority did not hear are told to it when it is back."""
        self.far.down = True
        up, opened = self.steady.user_up("app", "u1", "a", "1.1"), self.steady.conn_open("app", "a", 1)
        gone = self.steady.user_up("app", "u2", "a", "1.2")
        self.steady.user_down("app", "u2", "a", "1.2")
        self.pass_time(0.01)
        for answer in (up, opened, gone):
            self.failureResultOf(answer, BackendError)
        self.far.down = False
        self.pass_time(5)
        self.assertEqual(self.truth.online("app", ["u1", "u2"]), {"u1"})
        self.assertFalse(self.truth.conn_open("app", "b", 1))

    def test_admitted_meanwhile(self) -> None:
        """A connection that was admitted without the authority is counted, although there is no room for it."""
        self.truth.conn_open("app", "b", 0)
        self.far.down = True
        opened = self.steady.conn_open("app", "a", 1)
        self.pass_time(0.01)
        self.failureResultOf(opened, BackendError)
        self.far.down = False
        self.pass_time(5)
        self.truth.conn_close("app", "b", 1)
        self.assertFalse(self.truth.conn_open("app", "b", 1))


class OutageTests(SteadyCase):
    """A crowd"""

    def test_S90_authority_away(self) -> None:
        """The authority is away for 5 s in the middle of a mass cut: 3,000 sockets in three channels each, one of them
        a presence channel: correct afterwards, each channel vacated once, each member removed once."""
        heard: Counter[str] = Counter()

        class Ear:
            def presence_changed(self, change: Any) -> None:
                heard[change.user_id] += 1

            def user_changed(self, change: Any) -> None: ...

        for number in range(3000):
            for channel in (f"c{number}", "shared"):
                self.truth.occupy("app", channel, "a")
            self.truth.join("app", ROOM, "a", f"1.{number}", f"u{number}", "{}", 0)
            self.truth.conn_open("app", "a", 0)
        self.truth.occupy("app", "shared", "b")
        self.truth.count("app", "shared", "b", 1)
        self.truth.join("app", ROOM, "b", "2.1", "stays", "{}", 0)
        self.truth.listen(Ear())
        for number in range(3000):
            if number == 1500:
                self.pass_time(0.003)
                self.far.down = True
            self.steady.conn_close("app", "a", 1)
            self.part(f"1.{number}")
            self.steady.vacate("app", f"c{number}", "a")
            if number == 2999:
                self.steady.vacate("app", "shared", "a")
            else:
                self.steady.count("app", "shared", "a", 2999 - number)
        self.pass_time(5)
        self.assertGreater(self.steady.backlog, 1000)
        self.far.down = False
        self.pass_time(5.5)
        self.assertEqual(self.steady.backlog, 0)
        self.assertEqual(self.truth.channels("app", ""), {"shared": ChannelCounts(1, None)})
        self.assertEqual(list(self.truth.snapshot("app", ROOM).members), ["stays"])
        self.assertEqual(heard, Counter({f"u{number}": 1 for number in range(3000)}))
        self.assertTrue(self.truth.conn_open("app", "b", 1))
        self.pass_time(3)
        told = Counter((due.name, due.channel, due.user_id) for due in self.truth.due().found)
        self.assertEqual(set(told.values()), {1})
        self.assertEqual(len(told), 6000)

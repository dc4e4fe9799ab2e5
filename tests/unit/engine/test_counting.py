"""What a broadcast adds to the counts: exactly what its recipients got, however they were reached."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.broadcast import deliver, deliver_control, publish_locally, send
from sockudo_tx.engine.registry import Registry
from sockudo_tx.engine.tables import PLAIN_SUBSCRIPTION, Socket
from sockudo_tx.engine.tally import AppTally, Tally
from sockudo_tx.protocol.liveness import Pulse
from sockudo_tx.protocol.names import ChannelName
from sockudo_tx.testing import fixture_app

from .sinks import Framing, RecordingSink

KINDS = (Framing(b""), Framing(b"long mark:"), Framing(b"p:"))


def got(sockets: list[Socket]) -> tuple[int, int]:
    """Frames and bytes that have reached these sockets."""
    frames = [frame for one in sockets if isinstance(one.sink, RecordingSink) for frame in one.sink.frames]
    return len(frames), sum(map(len, frames))


class CountingTests(SynchronousTestCase):
    """`deliver`, `deliver_control`, `send`, `publish_locally`"""

    @given(st.lists(st.sampled_from(KINDS), max_size=40), st.integers(-1, 39))
    def test_what_arrives(self, kinds: list[Framing], excluded: int) -> None:
        """Messages and bytes are those that arrive, in small channels and crowds, of one framing or several."""
        registry = Registry(Tally())
        space = registry.space(fixture_app())
        sockets = [Socket(RecordingSink(kind), Pulse(0, None)) for kind in kinds]
        for number, one in enumerate(sockets):
            one.id = f"1.{number}"
            registry.add(space, one)
            registry.enter(space, ChannelName.of("c"), one, PLAIN_SUBSCRIPTION)
        publish_locally(space, "c", "é" * 5, f"1.{excluded}")
        publish_locally(space, "c", "again", None)
        for one in sockets[:1]:
            send(one, "reply")
        self.assertEqual((space.tally.sent, space.tally.sent_bytes), got(sockets))
        for how in (deliver, deliver_control):
            tally, before = AppTally(), got(sockets)
            how(sockets, "text", tally)
            after = got(sockets)
            self.assertEqual((tally.sent, tally.sent_bytes), (after[0] - before[0], after[1] - before[1]))

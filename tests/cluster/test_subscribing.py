"""Where a subscription begins and where it ends, while events flow (scaling.md 18)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .fleet import Fleet, Node

RATE = 500
ATTEMPTS = 200


class Flow:
    """Numbered events on one channel through one node."""

    def __init__(self, node: Node, channel: str) -> None:
        self.sent = 0
        self.channel = channel
        self._backend = node.api()

    def send(self) -> None:
        """The next one."""
        self._backend.event("n", self.channel or "nobody", str(self.sent))
        self.sent += 1


@contextmanager
def flowing(fleet: Fleet, node: Node, channel: str) -> Iterator[Flow]:
    """500 events a second."""
    flow = Flow(node, channel)
    stop = fleet.pump.every(1 / RATE, flow.send)
    try:
        yield flow
    finally:
        stop()


def test_S10_success_comes_first(fleet: Fleet) -> None:
    """The first message of a channel on a socket is always subscription_succeeded, while 500 events/s are published to
    it: 200 attempts, of the first subscriber anywhere, of the first on another node, and of a second one there."""
    first, second, third = fleet.nodes[1].connect(), fleet.nodes[2].connect(), fleet.nodes[2].connect()
    with flowing(fleet, fleet.nodes[0], "") as flow:
        for attempt in range(ATTEMPTS):
            client = (first, second, third)[attempt % 3]
            flow.channel = channel = f"s10-{attempt // 3}"
            fleet.pump.rest(0.004)
            begin = len(client.texts)
            client.subscribe(channel)
            fleet.pump.until("an event", lambda: client.of("n", channel))  # late ones of the last channel come, too
            success, *rest = [each for each in client.texts[begin:] if each.channel == channel]
            assert success.event == "pusher_internal:subscription_succeeded", success.raw
            got = [int(each.data) for each in rest]
            assert got == list(range(got[0], got[0] + len(got)))


def test_S11_nothing_after_leaving(fleet: Fleet) -> None:
    """After an unsubscription has been processed no event of the channel arrives, while 500 events/s are published to
    it."""
    clients = [client for node in fleet.nodes for client in node.crowd(4)]
    with flowing(fleet, fleet.nodes[0], "s11") as flow:
        for attempt in range(ATTEMPTS):
            client = clients[attempt % len(clients)]
            client.join("s11")
            client.leave("s11")
            seen, sent = len(client.texts), flow.sent
            fleet.pump.until("more events", lambda: flow.sent >= sent + 5)
            assert len(client.texts) == seen, client.texts[seen:]


def test_S52_node_that_starts_under_load(fleet: Fleet) -> None:
    """A node that starts while 500 events/s flow delivers to its first subscriber every event published after
    subscription_succeeded, and its own publishes reach the others from the first one on."""
    starting = fleet.nodes[1]
    others = [fleet.nodes[0].connect(), fleet.nodes[2].connect()]
    for each in others:
        each.join("s52")
    with flowing(fleet, fleet.nodes[0], "s52") as flow:
        fleet.pump.rest(0.2)
        starting.terminate()
        fleet.restore(starting)
        published = starting.api().event("first", "s52", "x")
        client = starting.begin()
        starting.api().done(published)
        client.established().join("s52")
        at_success = flow.sent
        fleet.pump.until("events", lambda: flow.sent >= at_success + 100)
    last = flow.sent - 1
    fleet.pump.until("the last", lambda: all(each.texts[-1].data == str(last) for each in (client, *others)))
    got = [int(each.data) for each in client.of("n")]
    assert got == list(range(got[0], last + 1))
    assert got[0] <= at_success
    for each in others:
        assert [int(text.data) for text in each.of("n")] == list(range(last + 1))
        assert len(each.of("first")) == 1

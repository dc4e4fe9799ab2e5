"""What one process pays for the cluster it is not in: nothing. Functions of ours that an event takes, as literals.

The numbers were counted before there were workers. A change that has to raise one is a change of the hot path: measure
it (benchmarks/), and say so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from sockudo_tx.protocol.publication import Publication
from sockudo_tx.testing import MemoryServer


def calls(action: Callable[[], object]) -> int:
    """Functions of the server that are called meanwhile; those of the test's own network do not count."""
    count = 0

    def called(frame: FrameType, what: str, argument: object) -> None:
        nonlocal count
        name = frame.f_globals["__name__"]
        count += what == "call" and name.startswith("sockudo_tx.") and not name.startswith("sockudo_tx.testing")

    sys.setprofile(called)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(("subscribers", "publish", "delivery"), [(1, 12, 4), (10, 30, 22), (40, 10, 45)])
def test_a_publish_and_its_delivery(subscribers: int, publish: int, delivery: int) -> None:
    """As many calls as before for an event to few and to many, and for the end of its turn."""
    server = MemoryServer()
    for _ in range(subscribers):
        server.client().subscribe("room")
    app = server.apps.by_id("app")
    assert app is not None
    event = Publication("n", ("room",), "{}")
    server.engine.publish(app, event)
    server.pump()
    assert calls(lambda: server.engine.publish(app, event)) == publish
    assert calls(server.pump) == delivery


@pytest.mark.parametrize(("channel", "count"), [("private-room", 48), ("presence-room", 49)])
def test_a_client_event(channel: str, count: int) -> None:
    """As many calls as before to hear one and relay it."""
    server = MemoryServer()
    author, *others = [server.client() for _ in range(5)]
    for number, client in enumerate((author, *others)):
        client.subscribe(channel, **({"user_id": str(number)} if channel.startswith("presence") else {}))
    said = {"event": "client-n", "channel": channel, "data": "{}"}
    author.send(said)
    assert calls(lambda: author.send(said)) == count


def test_a_request() -> None:
    """As many calls as before from the bytes of a signed publish to its answer and the frames of ten subscribers."""
    server = MemoryServer()
    for _ in range(10):
        server.client().subscribe("room")
    server.publish("room", "n")
    assert calls(lambda: server.publish("room", "n")) == 163

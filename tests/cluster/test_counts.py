"""Numbers of subscribers, channels and connections over all nodes (scaling.md 18)."""

from __future__ import annotations

import json
import time
from itertools import pairwise

from .apps import COUNTED, QUOTA
from .client import Client
from .fleet import SLACK, Fleet, Node

INTERVAL_MS = 500
QUICK = 100
"""Up to so many subscribers each change is told, at most every 100 ms."""


def test_S36_subscription_count_webhooks(fleet: Fleet) -> None:
    """300 sockets subscribe and leave on 3 nodes: subscription_count webhooks are monotone in time_ms, at most one per
    interval, the last equals the truth, also when the sockets vanish by TCP reset."""
    channel = "s36"
    clients = [client for node in fleet.nodes for client in node.crowd(100)]
    clients[0].join(channel)
    _last(fleet, channel, 1)
    for number, each in enumerate(clients[1:]):
        each.subscribe(channel)
        if number % 20 == 0:
            fleet.pump.rest(0.02)
    fleet.pump.until("all in", lambda: all(each.joined(channel) for each in clients))
    _last(fleet, channel, 300)
    for each in clients[::3]:
        each.unsubscribe(channel)
    _last(fleet, channel, 200)
    for each in clients[1::3]:
        each.reset()
    _last(fleet, channel, 100)
    for each in clients[2::3]:
        each.reset()
    _last(fleet, channel, 0)

    def told() -> None:
        hooks = fleet.sink.of("subscription_count", channel)
        times, counts = [each.time_ms for each in hooks], [each.event["subscription_count"] for each in hooks]
        assert times == sorted(times)
        assert (counts[0], counts[-1], max(counts)) == (1, 0, 300)
        assert all(one != other for one, other in pairwise(counts)), counts
        for number in range(1, len(hooks)):
            pace = INTERVAL_MS if min(counts[number - 1 : number + 1]) > QUICK else 100
            assert times[number] - times[number - 1] >= pace - 20, (counts, times)

    fleet.promise(told)


def _last(fleet: Fleet, channel: str, count: int) -> None:
    """The last count that webhooks told, and that of the API on each node."""

    def told() -> bool:
        hooks = fleet.sink.of("subscription_count", channel)
        return bool(hooks) and hooks[-1].event["subscription_count"] == count

    fleet.pump.until(f"count {count}", told)
    for node in fleet.nodes:
        assert node.api().get(f"/channels/{channel}", info="subscription_count")["subscription_count"] == count


def test_S37_channels_are_listed_soon(fleet: Fleet) -> None:
    """GET channels (prefix filter, subscription_count, user_count) is correct within 200 ms of the last change; GET
    channel `occupied` is correct immediately after subscription_succeeded on another node."""
    clients = [node.connect() for node in fleet.nodes]
    for turn in range(60):
        channel = f"s37-now-{turn}"
        clients[turn % 3].join(channel)
        found = fleet.nodes[(turn + 1) % 3].api().get(f"/channels/{channel}")
        assert found["occupied"] is True
    rooms = [f"presence-s37-{number}" for number in range(5)]
    for number, channel in enumerate(rooms):
        for which, each in enumerate(clients):
            each.join(channel, f"u{min(which, number)}")
        clients[number % 3].leave(channel)
    expected = {
        channel: {"user_count": len({min(which, number) for which in range(3) if which != number % 3})}
        for number, channel in enumerate(rooms)
    }
    fleet.pump.rest(0.2 * SLACK)
    for node in fleet.nodes:
        assert node.api().get("/channels", filter_by_prefix="presence-s37-", info="user_count")["channels"] == expected
        for channel in rooms:
            assert node.api().get(f"/channels/{channel}", info="subscription_count")["subscription_count"] == 2
        everything = node.api().get("/channels", filter_by_prefix="s37-")["channels"]
        assert everything == {f"s37-now-{turn}": {} for turn in range(60)}
    for each in clients:
        for channel in rooms:
            each.unsubscribe(channel)
    for each in clients:
        each.processed()
    fleet.pump.rest(0.2 * SLACK)
    for node in fleet.nodes:
        assert node.api().get("/channels", filter_by_prefix="presence-s37-", info="user_count")["channels"] == {}


def test_S38_ten_thousand_channels(fleet: Fleet) -> None:
    """10,000 channels on 3 nodes are listed completely, by each node, within 1 s."""
    clients = [client for node in fleet.nodes for client in node.crowd(8)]
    names = [f"s38-{number}" for number in range(10_000)]
    for number, name in enumerate(names):
        clients[number % len(clients)].subscribe(name)
        if number % 240 == 239:
            fleet.pump.once()
    fleet.pump.until("all in", lambda: sum(len(each.texts) - 1 for each in clients) >= len(names), 60)
    for node in fleet.nodes:
        api, began = node.api(), time.monotonic()
        found = api.get("/channels", filter_by_prefix="s38-")
        assert found["channels"].keys() == set(names)
        assert time.monotonic() - began < SLACK
    for each in clients:
        each.close()


def test_S39_quota_of_all_nodes(fleet: Fleet) -> None:
    """max_connections = 10, 30 concurrent connects on 3 nodes: exactly 10 are admitted, others get 4004; after SIGKILL
    of a node its share becomes free."""
    clients = _storm(fleet, fleet.nodes)
    admitted = [each for each in clients if each.socket_id]
    assert len(admitted) == 10
    for each in clients:
        if not each.socket_id:
            fleet.pump.until("the close", lambda client=each: client.closed)  # type: ignore[misc]
            assert (each.closed, each.texts[0].data["code"]) == (4004, 4004)
    for each in admitted:
        each.close()
    victim, other, third = fleet.nodes
    fleet.pump.until("room again", lambda: _admitted(fleet, victim, 4))
    held = fleet.clients[-4:]
    assert all(each.socket_id for each in held)
    assert len([each for each in _storm(fleet, [other, third]) if each.socket_id]) == 6
    assert not _admitted(fleet, other, 1)
    at = victim.kill()
    free = (fleet.removal[1] + 1) * SLACK
    fleet.pump.until("its share is free", lambda: _admitted(fleet, third, 1), free)
    assert time.monotonic() - at < free
    assert len([each for each in _storm(fleet, [other, third]) if each.socket_id]) == 3
    fleet.restore(victim)


def _storm(fleet: Fleet, nodes: list[Node]) -> list[Client]:
    """30 clients that connect at once, when each has its answer."""
    sockets = [fleet.reach(node) for _ in range(30 // len(nodes)) for node in nodes]
    clients = [Client(fleet.pump, each, QUOTA) for each in sockets]
    fleet.clients += clients
    fleet.pump.until("an answer each", lambda: all(each.texts for each in clients))
    return clients


def _admitted(fleet: Fleet, node: Node, number: int) -> bool:
    """Whether so many more get in here; if not, none stays."""
    clients = [node.begin(QUOTA) for _ in range(number)]
    fleet.pump.until("an answer each", lambda: all(each.texts for each in clients))
    if all(each.socket_id for each in clients):
        return True
    for each in clients:
        each.close()
    return False


def test_S36_count_events(fleet: Fleet) -> None:
    """Everybody on every node is told the same numbers in the same order, the last of them true."""
    channel = "s36-events"
    clients = [node.connect(COUNTED) for node in fleet.nodes]
    for each in clients:
        each.join(channel)

    def numbers(client: Client) -> list[int]:
        found = []
        for each in client.of("pusher_internal:subscription_count", channel):
            data = each.message["data"]
            found.append((json.loads(data) if isinstance(data, str) else data)["subscription_count"])
        return found

    fleet.pump.until("3", lambda: all(numbers(each)[-1:] == [3] for each in clients))
    more = fleet.nodes[2].crowd(5, COUNTED)
    for each in more:
        each.join(channel)
    fleet.pump.until("8", lambda: all(numbers(each)[-1:] == [8] for each in clients))
    for each in more:
        each.reset()

    def true() -> None:
        assert [numbers(each)[-1] for each in clients] == [3, 3, 3]

    fleet.pump.until("3", lambda: all(numbers(each)[-1:] == [3] for each in clients))
    fleet.promise(true)

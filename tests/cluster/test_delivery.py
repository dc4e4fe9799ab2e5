"""Events between nodes: to whom, in which order, and to whom not (scaling.md 18)."""

from __future__ import annotations

import json
from collections.abc import Iterable

from .apps import MAIN, TWIN
from .client import Client, Text
from .fleet import SLACK, Fleet

PACE = 64
"""Calls under way at once on one connection."""


def numbers(client: Client, channel: str, event: str = "n") -> list[int]:
    """What numbered events brought."""
    return [int(each.data) for each in client.of(event, channel)]


def once(fleet: Fleet, clients: Iterable[Client], channel: str, event: str = "e") -> list[Text]:
    """Each of these has got one such event, and stays with one; the texts."""
    everybody = list(clients)
    fleet.pump.until(f"{event} at everybody", lambda: all(each.of(event, channel) for each in everybody))

    def exact() -> None:
        assert [len(each.of(event, channel)) for each in everybody] == [1] * len(everybody)

    fleet.promise(exact)
    return [each.of(event, channel)[0] for each in everybody]


def never(fleet: Fleet, client: Client, channel: str, event: str = "e") -> None:
    """It has no such event and gets none."""

    def none() -> None:
        assert client.of(event, channel) == []

    fleet.promise(none)


def test_S1_publish_reaches_all_nodes(fleet: Fleet) -> None:
    """A publish on A reaches a1, b1, c1 once each; the body is byte-identical for all three."""
    clients = [node.connect() for node in fleet.nodes]
    for each in clients:
        each.join("s1")
    fleet.nodes[0].api().publish("e", "s1", json.dumps({"text": 'é "quoted" \\ \u2028 \U0001f600', "n": 1.50}))
    texts = once(fleet, clients, "s1")
    assert len({each.raw for each in texts}) == 1, texts


def test_S2_excepted_socket_of_another_node(fleet: Fleet) -> None:
    """A publish with `socket_id` = b1 through A reaches everyone except b1."""
    first, (left_out, other), third = fleet.nodes[0].connect(), fleet.nodes[1].crowd(2), fleet.nodes[2].connect()
    for each in (first, left_out, other, third):
        each.join("s2")
    fleet.nodes[0].api().publish("e", "s2", "x", socket_id=left_out.socket_id)
    once(fleet, (first, other, third), "s2")
    never(fleet, left_out, "s2")


def test_order_of_calls_that_wait(fleet: Fleet) -> None:
    """A publisher whose every call meets another node, each behind the answer to the last, is heard in order by all."""
    many = 600
    clients = [node.connect() for node in fleet.nodes]
    for each in clients:
        each.join("turns")
    backends = [node.api() for node in fleet.nodes]
    for number in range(many):
        backends[number % len(backends)].publish("n", "turns", str(number))

    def exact() -> None:
        assert all(numbers(each, "turns") == list(range(many)) for each in clients)

    fleet.pump.until("all events", lambda: all(len(each.texts) >= many + 2 for each in clients))
    fleet.promise(exact)


def test_S3_order_of_one_publisher(fleet: Fleet) -> None:
    """5000 numbered events published one after the other on A arrive on B in order, none missing, none twice."""
    many = 5000
    clients = [fleet.nodes[0].connect(), fleet.nodes[1].connect()]
    for each in clients:
        each.join("s3")
    backend = fleet.nodes[0].api()
    for number in range(many):
        backend.event("n", "s3", str(number))
        fleet.pump.until("room for a call", lambda: backend.busy < PACE)

    def exact() -> None:
        assert all(numbers(each, "s3") == list(range(many)) for each in clients)

    fleet.pump.until("all events", lambda: all(len(each.texts) >= many + 2 for each in clients))
    fleet.promise(exact)


def test_S4_order_of_two_publishers(fleet: Fleet) -> None:
    """Two publishers on A and B, 2000 events each, one channel: at c1 each publisher's sequence is in order."""
    many = 2000
    client = fleet.nodes[2].connect()
    client.join("s4")
    backends = [node.api() for node in fleet.nodes[:2]]
    for number in range(many):
        for which, backend in enumerate(backends):
            backend.event(f"n{which}", "s4", str(number))
        fleet.pump.until("room for calls", lambda: all(each.busy < PACE for each in backends))

    def exact() -> None:
        assert numbers(client, "s4", "n0") == list(range(many))
        assert numbers(client, "s4", "n1") == list(range(many))

    fleet.pump.until("all events", lambda: len(client.texts) >= 2 * many + 2)
    fleet.promise(exact)


def test_S5_P147_client_event_crosses(fleet: Fleet) -> None:
    """A client event from a1 reaches b1 once and not a1; one from a socket that is no member is rejected and nothing is
    sent between nodes."""
    sender, stranger, receiver = fleet.nodes[0].connect(), fleet.nodes[0].connect(), fleet.nodes[1].connect()
    for each in (sender, receiver):
        each.join("private-s5")
    sender.send("client-e", {"n": 1}, channel="private-s5")
    once(fleet, [receiver], "private-s5", "client-e")
    never(fleet, sender, "private-s5", "client-e")

    before = fleet.metric("sockudo_bus_published_total")
    stranger.send("client-f", {"n": 1}, channel="private-s5")
    stranger.processed()
    receiver.processed()
    fleet.pump.rest(0.1)
    assert fleet.metric("sockudo_bus_published_total") == before
    never(fleet, receiver, "private-s5", "client-f")
    never(fleet, sender, "private-s5", "client-f")


def test_P147_client_event_between_two_nodes(fleet: Fleet) -> None:
    """Given two nodes: A on node 1 and B on node 2 in `private-a`, when A sends a client event, then B receives it once
    and A not at all."""
    first, second = fleet.nodes[0].connect(), fleet.nodes[1].connect()
    for each in (first, second):
        each.join("private-a")
    first.send("client-typing", {"on": True}, channel="private-a")
    (text,) = once(fleet, [second], "private-a", "client-typing")
    assert text.message == {"event": "client-typing", "channel": "private-a", "data": {"on": True}}
    never(fleet, first, "private-a", "client-typing")


def test_S6_order_of_a_batch(fleet: Fleet) -> None:
    """A batch of 10 events to 10 channels arrives in the order of the batch at a client subscribed to all."""
    clients = [node.connect() for node in fleet.nodes]
    for each in clients:
        for number in range(10):
            each.join(f"s6-{number}")
    for turn in range(20):
        batch = [{"name": "n", "channel": f"s6-{number * 7 % 10}", "data": f"{turn}"} for number in range(10)]
        fleet.nodes[turn % 3].api().done(fleet.nodes[turn % 3].api().begin("POST", "/batch_events", {"batch": batch}))
        expected = [(each["channel"], each["data"]) for each in batch]
        for client in clients:
            fleet.pump.until("the batch", lambda: len(client.of("n")) >= 10 * (turn + 1))
            assert [(each.channel, each.data) for each in client.of("n")[-10:]] == expected


def test_S8_no_frame_without_a_subscriber(fleet: Fleet) -> None:
    """An event of a channel that has no subscriber on other nodes is delivered to none of them."""
    client = fleet.nodes[0].connect()
    client.join("s8")
    for each in (client, *(node.connect() for node in fleet.nodes[1:])):
        each.join("s8-elsewhere")
    before = fleet.metric("sockudo_bus_received_total")
    for node in fleet.nodes[:1]:
        node.api().done(*(node.api().event("n", "s8", str(number)) for number in range(100)))
        node.api().done(*(node.api().event("n", "s8-nowhere", str(number)) for number in range(100)))
    fleet.pump.until("events", lambda: len(client.of("n")) >= 100)
    fleet.pump.rest(0.2)
    assert fleet.metric("sockudo_bus_received_total") == before
    fleet.nodes[0].api().publish("n", "s8-elsewhere", "x")
    fleet.pump.until("the others' frames", lambda: fleet.metric("sockudo_bus_received_total") == before + 2)


def test_S12_large_event_and_long_name(fleet: Fleet) -> None:
    """An event of 100 KB and a channel name of 200 characters with `_-=@,.;`, dots at the start, doubled and at the end,
    cross nodes intact."""
    name = ("..a_-=@,.;" * 20)[:199] + "."
    assert len(name) == 200
    data = "é\U0001f600\\\"'/" * 9000 + "end"
    data = data[:100_000]
    clients = [node.connect() for node in fleet.nodes]
    for each in clients:
        each.join(name)
    fleet.nodes[1].api().publish("e", name, data)
    texts = once(fleet, clients, name)
    assert len({each.raw for each in texts}) == 1
    assert texts[0].message["data"] == data


def test_S13_apps_are_apart(fleet: Fleet) -> None:
    """Two apps with equal channel names on all nodes never see each other's events, members, counts."""
    channel = "presence-s13"
    of_main, of_twin = [node.connect() for node in fleet.nodes], [node.connect(TWIN) for node in fleet.nodes]
    for number, (first, second) in enumerate(zip(of_main, of_twin, strict=True)):
        first.join(channel, f"main-{number}")
        second.join(channel, f"twin-{number}")
    for node in fleet.nodes:
        node.api(MAIN).publish(f"main-{node.name}", channel, "x")
        node.api(TWIN).publish(f"twin-{node.name}", channel, "x")
    of_main[0].send("client-main", {}, channel=channel)
    of_twin[0].send("client-twin", {}, channel=channel)
    of_main[2].leave(channel)
    backends = [node.api() for node in fleet.nodes]
    fleet.pump.until("all", lambda: all(len(each.of("main-C", channel)) for each in of_main[:2]))
    fleet.pump.until("all", lambda: all(len(each.of("twin-C", channel)) for each in of_twin))

    def apart() -> None:
        for mine, others in ((of_main, "twin"), (of_twin, "main")):
            assert not [each.raw for client in mine for each in client.texts if others.encode() in each.raw]
        assert set(of_main[0].members(channel)) == {"main-0", "main-1"}
        assert set(of_twin[0].members(channel)) == {"twin-0", "twin-1", "twin-2"}

    fleet.pump.until("the departure", lambda: of_main[0].told(channel, "main-2")[-1:] == "-")
    fleet.promise(apart)
    fleet.pump.rest(0.2 * SLACK)
    for backend in backends:
        found = backend.get(f"/channels/{channel}", info="user_count,subscription_count")
        assert (found["user_count"], found["subscription_count"]) == (2, 2)
    for node in fleet.nodes:
        users = {each["id"] for each in node.api(TWIN).get(f"/channels/{channel}/users")["users"]}
        assert users == {"twin-0", "twin-1", "twin-2"}

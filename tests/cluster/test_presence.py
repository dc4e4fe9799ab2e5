"""Members whose connections are at different nodes: lists, comings and goings (scaling.md 18)."""

from __future__ import annotations

from typing import Any

from .apps import FEW
from .client import Client
from .fleet import Fleet


def agree(fleet: Fleet, clients: list[Client], channel: str, users: set[str], *, passing: bool = False) -> None:
    """These clients, and each node's API, come to know exactly these members; it stays so unless it is `passing`."""
    fleet.pump.until(
        f"{len(users)} members of {channel} at everybody",
        lambda: all(each.members(channel).keys() == users for each in clients),
    )

    def exact() -> None:
        assert [sorted(each.members(channel)) for each in clients] == [sorted(users)] * len(clients)
        for node in fleet.nodes:
            api = node.api(clients[0].app)
            assert {each["id"] for each in api.get(f"/channels/{channel}/users")["users"]} == users
            found = api.get(f"/channels/{channel}", info="user_count")
            assert found["occupied"] is bool(users)
            assert found.get("user_count", 0) == len(users)

    if passing:
        exact()
    else:
        fleet.promise(exact)


def told(fleet: Fleet, clients: list[Client], channel: str, user: str, story: str) -> None:
    """Each of these is told this of the user, and nothing else."""
    fleet.pump.until(
        f"{story} of {user} at everybody",
        lambda: all(len(each.told(channel, user)) >= len(story) for each in clients),
    )

    def exact() -> None:
        assert [each.told(channel, user) for each in clients] == [story] * len(clients), (channel, user)

    fleet.promise(exact)


def test_S18_newcomers_on_three_nodes(fleet: Fleet) -> None:
    """u1 joins on A, u2 on B, u3 on C: each new member's list contains all earlier members plus itself; each earlier
    client gets exactly one member_added per newcomer."""
    channel, clients = "presence-s18", [node.connect() for node in fleet.nodes]
    for number, client in enumerate(clients):
        listed = client.join(channel, f"u{number}", {"name": f"name {number}"})["presence"]
        assert sorted(listed["ids"]) == [f"u{each}" for each in range(number + 1)]
        assert listed["count"] == number + 1
        assert listed["hash"][f"u{number}"] == {"name": f"name {number}"}
        told(fleet, clients[:number], channel, f"u{number}", "+")
    told(fleet, [clients[2]], channel, "u0", "")
    agree(fleet, clients, channel, {"u0", "u1", "u2"})


def test_S19_same_user_on_two_nodes_at_once(fleet: Fleet) -> None:
    """The same user joins on A and B simultaneously, 200 times: other clients see exactly one member_added."""
    _pairs(fleet, "presence-s19", leave_together=False)


def test_S20_same_user_leaves_two_nodes_at_once(fleet: Fleet) -> None:
    """The same user leaves A and B simultaneously, 200 times: exactly one member_removed; the list is without him."""
    _pairs(fleet, "presence-s20", leave_together=True)


def _pairs(fleet: Fleet, channel: str, *, leave_together: bool) -> None:
    """200 users, each of whom joins on two nodes at once and leaves them at once or one after the other."""
    observers = [node.connect() for node in fleet.nodes]
    for each in observers:
        each.join(channel, "observer")
    sockets = [node.connect() for node in fleet.nodes]
    users = [f"u{number}" for number in range(200)]
    for number, user in enumerate(users):
        pair = [sockets[number % 3], sockets[(number + 1 + number // 3 % 2) % 3]]
        before = [len(each.texts) for each in pair]
        for each in pair:
            each.subscribe(channel, user)
        fleet.pump.until("joined", lambda: all(len(each.texts) > had for each, had in zip(pair, before, strict=True)))
        fleet.pump.until("+ at everybody", lambda: all(("+", user) in each.changes(channel)[-1:] for each in observers))
        if leave_together:
            for each in pair:
                each.unsubscribe(channel)
        else:
            pair[0].leave(channel)
            assert observers[0].changes(channel)[-1] == ("+", user)
            pair[1].unsubscribe(channel)
        fleet.pump.until("- at everybody", lambda: all(("-", user) in each.changes(channel)[-1:] for each in observers))
    expected = [(sign, user) for user in users for sign in "+-"]

    def exact() -> None:
        assert all(each.changes(channel) == expected for each in observers)

    fleet.promise(exact)
    agree(fleet, observers, channel, {"observer"})


def test_P148_same_user_on_both_nodes(fleet: Fleet) -> None:
    """Given two nodes: the same user joins `presence-r` on both; only one `member_added` and, after both leave, one
    `member_removed` is seen by an observer on either node."""
    channel, observers = "presence-r", [node.connect() for node in fleet.nodes[:2]]
    for number, each in enumerate(observers):
        each.join(channel, f"observer-{number}")
    pair = [node.connect() for node in fleet.nodes[:2]]
    for each in pair:
        each.join(channel, "u1")
    told(fleet, pair, channel, "u1", "")
    for each in pair:
        each.leave(channel)
    told(fleet, observers, channel, "u1", "+-")


def test_S21_user_moves_between_nodes(fleet: Fleet) -> None:
    """A user leaves A and joins B at the same moment, 200 times: in the end the list contains the user everywhere, and
    every client's history of events, applied to its first list, gives that same list."""
    channel, observers = "presence-s21", [node.connect() for node in fleet.nodes]
    for number, each in enumerate(observers):
        each.join(channel, f"observer-{number}")
    marker = fleet.nodes[2].connect()
    sockets = [node.connect() for node in fleet.nodes]
    sockets[0].join(channel, "mover")
    for number in range(200):
        here, there = sockets[number % 3], sockets[(number + 1) % 3]
        had = len(there.texts)
        steps = [lambda: here.unsubscribe(channel), lambda: there.subscribe(channel, "mover")]
        for step in steps if number % 2 else reversed(steps):
            step()
        here.processed()
        fleet.pump.until("moved", lambda: len(there.texts) > had)
        # Changes of a channel have one order: whoever knows of this one knows of all before it.
        name = f"mark-{number}"
        marker.join(channel, name)
        fleet.pump.until("the mark", lambda: all(name in each.members(channel) for each in observers))
        users = {"mover", name, *(f"observer-{which}" for which in range(3))}
        for each in observers:
            assert each.members(channel).keys() == users
        assert there.members(channel).keys() >= {"mover"}
        marker.unsubscribe(channel)
    agree(fleet, observers, channel, {"mover", *(f"observer-{which}" for which in range(3))})


def test_S23_nobody_is_told_of_himself(fleet: Fleet) -> None:
    """A joiner never receives its own member_added: first and later ones of a node, alone and many at once."""
    channel, clients = "presence-s23", [client for node in fleet.nodes for client in node.crowd(10)]
    for number, each in enumerate(clients):
        each.subscribe(channel, f"u{number}")
    fleet.pump.until("all in", lambda: all(each.joined(channel) for each in clients))
    agree(fleet, clients, channel, {f"u{number}" for number in range(30)})
    for number, each in enumerate(clients):
        told(fleet, [each], channel, f"u{number}", "")


def test_S24_second_connection_with_other_info(fleet: Fleet) -> None:
    """A second connection of u1 on B with other user_info: no event; the list keeps the first info; after both leave and
    one returns, the new info appears."""
    channel, observer = "presence-s24", fleet.nodes[2].connect()
    observer.join(channel, "observer")
    first, second = fleet.nodes[0].connect(), fleet.nodes[1].connect()
    first.join(channel, "u1", {"version": 1})
    assert second.join(channel, "u1", {"version": 2})["presence"]["hash"]["u1"] == {"version": 1}
    late = fleet.nodes[1].connect().join(channel, "late")
    assert late["presence"]["hash"]["u1"] == {"version": 1}
    told(fleet, [observer], channel, "late", "+")
    assert observer.told(channel, "u1") == "+"
    assert observer.members(channel)["u1"] == {"version": 1}
    first.leave(channel)
    second.leave(channel)
    first.join(channel, "u1", {"version": 3})
    told(fleet, [observer], channel, "u1", "+-+")
    assert observer.members(channel)["u1"] == {"version": 3}


def test_S25_limit_of_members(fleet: Fleet) -> None:
    """With a limit of 10 members, 30 users join concurrently on 3 nodes: exactly 10 succeed; an 11th connection of an
    existing member succeeds."""
    for turn in range(5):
        channel = f"presence-s25-{turn}"
        clients = [client for node in fleet.nodes for client in node.crowd(10, FEW)]
        for number, each in enumerate(clients[turn:] + clients[:turn]):
            each.subscribe(channel, f"u{number}")
        fleet.pump.until("an answer each", lambda: all(len(each.texts) > 1 for each in clients))
        members = [each for each in clients if each.joined(channel)]
        assert len(members) == 10
        for each in clients:
            if each not in members:
                assert each.texts[1].event in ("pusher:error", "pusher:subscription_error"), each.texts[1].raw
        users = set(members[0].members(channel))
        assert len(users) == 10
        agree(fleet, members, channel, users)
        for node in fleet.nodes:
            node.connect(FEW).join(channel, min(users))


def test_S26_two_channels_two_identities(fleet: Fleet) -> None:
    """One socket in two presence channels with different user ids; leaving one does not affect the other; a disconnect
    removes both ids correctly."""
    channels = ("presence-s26-1", "presence-s26-2")
    observer, client, other = fleet.nodes[1].connect(), fleet.nodes[0].connect(), fleet.nodes[2].connect()
    for each in channels:
        observer.join(each, "observer")
        client.join(each, f"of-{each}")
        other.join(each, f"other-of-{each}")
    client.leave(channels[0])
    told(fleet, [observer], channels[0], f"of-{channels[0]}", "+-")
    assert observer.told(channels[1], f"of-{channels[1]}") == "+"
    client.join(channels[0], "again")
    client.hang_up()
    told(fleet, [observer], channels[0], "again", "+-")
    told(fleet, [observer], channels[1], f"of-{channels[1]}", "+-")
    for each in channels:
        agree(fleet, [observer, other], each, {"observer", f"other-of-{each}"})


def test_S30_H73_api_and_clients_agree(fleet: Fleet) -> None:
    """GET users and user_count agree with the list seen by clients on every node; R3, R4, R5 report the union, and users
    are not counted twice."""
    channel, clients = "presence-s30", [node.connect() for node in fleet.nodes]
    for number, each in enumerate(clients):
        each.join(channel, f"u{number}")
    doubles = [node.connect() for node in fleet.nodes]
    for each in doubles:
        each.join(channel, "u0")
    agree(fleet, [*clients, *doubles], channel, {"u0", "u1", "u2"}, passing=True)
    doubles[1].leave(channel)
    clients[1].leave(channel)
    agree(fleet, [clients[0], clients[2], doubles[0], doubles[2]], channel, {"u0", "u2"})


def test_H73_reads_on_two_nodes(fleet: Fleet) -> None:
    """Two nodes: R3, R4, R5 report the union, users not double-counted."""
    channel, clients = "presence-h73", [node.connect() for node in fleet.nodes]
    for number, each in enumerate(clients):
        each.join(channel, f"u{number % 2}")
    for node in fleet.nodes:
        api = node.api()

        def right(api: Any = api) -> bool:
            one = api.get(f"/channels/{channel}", info="subscription_count,user_count")
            return (one["occupied"], one["subscription_count"], one["user_count"]) == (True, 3, 2)

        fleet.pump.until("R4", right)
        listed = api.get("/channels", filter_by_prefix=channel, info="user_count")
        assert listed == {"channels": {channel: {"user_count": 2}}}
        assert sorted(each["id"] for each in api.get(f"/channels/{channel}/users")["users"]) == ["u0", "u1"]

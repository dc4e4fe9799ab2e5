"""Users who are signed in on several nodes (scaling.md 18)."""

from __future__ import annotations

from .apps import WATCHED
from .client import Client
from .fleet import SLACK, Fleet, Node

Lists = list[tuple[str, list[str]]]
"""What watchers are told: online or offline, and who."""


def signed_in(node: Node, user: str, *watchlist: str) -> Client:
    """A client of that user."""
    client = node.connect(WATCHED)
    client.sign_in(user, watchlist)
    node.fleet.pump.until("signin_success", lambda: client.of("pusher:signin_success"))
    return client


def test_S14_event_for_a_user(fleet: Fleet) -> None:
    """A server-to-user event reaches the user's sockets on B and C only; nodes without that user receive no frame."""
    first, second, third = fleet.nodes
    mine = [signed_in(second, "s14"), signed_in(second, "s14"), signed_in(third, "s14")]
    others = [signed_in(first, "s14-other"), signed_in(second, "s14-other"), third.connect(WATCHED)]
    before = fleet.metric("sockudo_bus_received_total")
    for _ in range(20):
        first.api(WATCHED).publish("e", "#server-to-user-s14", "hello")
    fleet.pump.until("events", lambda: all(len(each.of("e")) >= 20 for each in mine))

    def exact() -> None:
        assert [len(each.of("e")) for each in mine] == [20, 20, 20]
        assert [each.of("e") for each in others] == [[], [], []]

    fleet.promise(exact)
    fleet.pump.rest(0.2)
    assert fleet.metric("sockudo_bus_received_total") == before + 40


def test_S41_terminated_everywhere(fleet: Fleet) -> None:
    """Terminate on A closes the user's sockets on A, B, C with 4009 within 200 ms; another user stays."""
    for turn in range(10):
        mine = [signed_in(node, "s41") for node in fleet.nodes]
        others = [signed_in(node, "s41-other") for node in fleet.nodes]
        answer = fleet.nodes[turn % 3].api(WATCHED).call("POST", "/users/s41/terminate_connections")
        assert answer.status == 200
        fleet.pump.until("the end", lambda: all(each.gone for each in mine))
        assert [each.closed for each in mine] == [4009] * 3
        assert max(each.gone or 0 for each in mine) - answer.asked < 0.2 * SLACK
        for each in others:
            each.processed()
            assert each.gone is None
            each.close()


def test_S42_watchlist(fleet: Fleet) -> None:
    """A watcher on A sees u2 (on B) online at sign-in, offline after u2's last socket on C closes, nothing when one of
    two closes."""
    first, second, third = fleet.nodes
    for turn in range(10):
        user = f"s42-{turn}"
        socket = signed_in(second, user)
        watcher = signed_in(first, f"s42-watcher-{turn}", user, f"{user}-never")
        _watched(fleet, watcher, [("online", [user]), ("offline", [f"{user}-never"])])
        other = signed_in(third, user)
        socket.close()
        fleet.pump.rest(0.05)
        _watched(fleet, watcher, [("online", [user]), ("offline", [f"{user}-never"])])
        other.reset()
        known = [("online", [user]), ("offline", [f"{user}-never"]), ("offline", [user])]
        _watched(fleet, watcher, known)
        signed_in(second, user)
        known.append(("online", [user]))
        _watched(fleet, watcher, known)

        def exact(watcher: Client = watcher, known: Lists = known) -> None:
            assert _lists(watcher) == known

        fleet.promise(exact)


def _lists(watcher: Client) -> Lists:
    return [
        (each["name"], each["user_ids"])
        for text in watcher.of("pusher_internal:watchlist_events")
        for each in text.data["events"]
    ]


def _watched(fleet: Fleet, watcher: Client, known: Lists) -> None:
    """These lists and no others, however many came in one message."""
    fleet.pump.until(f"{known}", lambda: len(_lists(watcher)) >= len(known))
    assert _lists(watcher) == known

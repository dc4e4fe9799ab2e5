"""The authority of the hub, as its workers see it: what it publishes comes over the bus."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from ...interfaces import (
    ChannelCounts,
    Due,
    Dues,
    IAuthority,
    IAuthorityListener,
    Joined,
    Lease,
    NodeFacts,
    Parted,
    Snapshot,
)
from .link import HubLink
from .unanswered import all_done

__all__ = ["HubAuthority"]

_REGISTERED = 500
"""Facts registered in one call: the hub does it in one go, while the other workers wait."""


@implementer(IAuthority)
class HubAuthority:
    """Each call is a line: the hub does it, in the order of the calls, of subscriptions and of publications."""

    def __init__(self, link: HubLink) -> None:
        self.asked: Counter[tuple[str, bool]] = Counter()
        """Calls that have ended, by method, and whether with an answer."""
        self._link = link
        self._overdue: list[Due] = []
        """What was due and came when nobody waited for it any more."""

    def _ask(self, method: str, wanted: Any, *args: object, late: Callable[[Any], None] | None = None) -> Deferred[Any]:
        return self._link.call("authority", method, wanted, *args, late=late).addBoth(self._answered, method)

    def _take_back(self, method: str, wanted: Any, *args: object) -> Deferred[Any]:
        """What nobody waits for, above all that something is no longer so: the hub is told, however long it takes."""
        return self._link.call("authority", method, wanted, *args, patient=True).addBoth(self._answered, method)

    def _answered(self, result: Any, method: str) -> Any:
        self.asked[method, not isinstance(result, Failure)] += 1
        return result

    @property
    def epoch(self) -> str:
        return self._link.welcome.epoch

    def listen(self, listener: IAuthorityListener) -> None:
        """Nobody is called: changes are frames on the bus."""

    def lease(self, node: str, ttl: float) -> Deferred[Lease]:
        return self._ask("lease", Lease, node, ttl)

    def reap(self, node: str, most: int = 200) -> Deferred[int]:
        return self._ask("reap", int, node, most)

    def register(self, node: str, facts: NodeFacts) -> Deferred[None]:
        return all_done([self._ask("register", None, node, piece) for piece in _pieces(facts)])

    def conn_open(self, app_id: str, node: str, limit: int) -> Deferred[bool]:
        def late(opened: bool) -> None:
            """Nobody waited long enough for it, so nobody will take it back."""
            if opened:
                self.conn_close(app_id, node, 1).addErrback(lambda _: None)  # type: ignore[unused-awaitable]

        return self._ask("conn_open", bool, app_id, node, limit, late=late)

    def conn_close(self, app_id: str, node: str, count: int) -> Deferred[None]:
        return self._take_back("conn_close", None, app_id, node, count)

    def occupy(self, app_id: str, channel: str, node: str) -> Deferred[bool]:
        return self._ask("occupy", bool, app_id, channel, node)

    def vacate(self, app_id: str, channel: str, node: str) -> Deferred[None]:
        return self._take_back("vacate", None, app_id, channel, node)

    def count(
        self,
        app_id: str,
        channel: str,
        node: str,
        subscriptions: int,
        pace: float | None = None,
        newcomer: bool = False,
    ) -> Deferred[int]:
        return self._take_back("count", int, app_id, channel, node, subscriptions, pace, newcomer)

    def join(
        self, app_id: str, channel: str, node: str, socket_id: str, user_id: str, user_info: str, limit: int
    ) -> Deferred[Joined]:
        return self._ask("join", Joined, app_id, channel, node, socket_id, user_id, user_info, limit)

    def part(self, app_id: str, channel: str, node: str, socket_id: str) -> Deferred[Parted]:
        return self._take_back("part", Parted, app_id, channel, node, socket_id)

    def snapshot(self, app_id: str, channel: str) -> Deferred[Snapshot]:
        return self._ask("snapshot", Snapshot, app_id, channel)

    def versions(self, channels: Sequence[tuple[str, str]]) -> Deferred[list[tuple[str, int]]]:
        return self._ask("versions", list[tuple[str, int]], list(channels))

    def counts(self, app_id: str, channel: str) -> Deferred[ChannelCounts]:
        return self._ask("counts", ChannelCounts, app_id, channel)

    def channels(self, app_id: str, prefix: str) -> Deferred[dict[str, ChannelCounts]]:
        return self._ask("channels", dict[str, ChannelCounts], app_id, prefix)

    def user_up(self, app_id: str, user_id: str, node: str, socket_id: str) -> Deferred[bool]:
        return self._ask("user_up", bool, app_id, user_id, node, socket_id)

    def user_down(self, app_id: str, user_id: str, node: str, socket_id: str) -> Deferred[bool]:
        return self._take_back("user_down", bool, app_id, user_id, node, socket_id)

    def online(self, app_id: str, user_ids: Iterable[str]) -> Deferred[set[str]]:
        return self._ask("online", set[str], app_id, list(user_ids))

    def user_connections(self, app_id: str, user_id: str) -> Deferred[int]:
        return self._ask("user_connections", int, app_id, user_id)

    def due(self, most: int = sys.maxsize, final: bool = False) -> Deferred[Dues]:
        def late(dues: Dues) -> None:
            """The authority has forgotten them."""
            self._overdue += dues.found

        def answered(dues: Dues) -> Dues:
            found, self._overdue = self._overdue + dues.found, []
            return Dues(found, dues.wait)

        return self._ask("due", Dues, most, final, late=late).addCallback(answered)


def _pieces(facts: NodeFacts) -> Iterator[NodeFacts]:
    """The same facts, in order, few at a time. Nothing that becomes otherwise meanwhile can get between them."""
    yield NodeFacts(facts.connections)
    for field in ("channels", "members", "users"):
        told = getattr(facts, field)
        for begin in range(0, len(told), _REGISTERED):
            yield NodeFacts()._replace(**{field: told[begin : begin + _REGISTERED]})

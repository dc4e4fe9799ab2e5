"""What a call wants to know of all nodes; and what this one knows, once the others are silent (scaling.md 6.10)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from twisted.internet import defer

from ...engine.local import LocalView
from ...interfaces import Answer, BackendError, ChannelCounts
from ...protocol.names import PRESENCE_PREFIX, ChannelName
from .call import Call
from .reply import PARTIAL, Reply, json_reply

__all__ = ["Reading", "counted"]

T = TypeVar("T")


class Reading:
    """The questions of one call. All of them together wait `read_timeout` at most, and not at all once one has failed.

    In one process every answer is there at once.
    """

    def __init__(self, call: Call) -> None:
        self.complete = True
        """Nothing was answered by this node alone."""
        self._engine = call.engine
        self._app_id = call.app.id
        self._local = LocalView(call.engine.registry)
        self._patience = call.settings.read_timeout

    async def counts(self, name: ChannelName) -> ChannelCounts:
        """Of one channel; a user's own channel counts the user's signed-in connections."""
        engine, app_id, user_id = self._engine, self._app_id, name.user_id
        if user_id is None:
            return await self._ask(
                lambda: engine.counts(app_id, name.text), lambda: self._local.counts(app_id, name.text)
            )
        connections = await self._ask(
            lambda: engine.user_connections(app_id, user_id), lambda: self._local.user_connections(app_id, user_id)
        )
        return ChannelCounts(connections, None)

    async def channels(self, prefix: str) -> dict[str, ChannelCounts]:
        """Occupied ones."""
        app_id = self._app_id
        return await self._ask(
            lambda: self._engine.channels(app_id, prefix), lambda: self._local.channels(app_id, prefix)
        )

    async def members(self, channel: str) -> list[str]:
        """User ids of a presence channel."""
        app_id = self._app_id
        return await self._ask(
            lambda: self._engine.members(app_id, channel), lambda: self._local.members(app_id, channel)
        )

    async def attributes(self, channel: str, info: Collection[str]) -> dict[str, int]:
        """Those of the wanted attributes that this channel has, now."""
        if "user_count" not in info and "subscription_count" not in info:
            return {}
        return counted(channel, await self.counts(ChannelName.of(channel)), info)

    def reply(self, value: Any) -> Reply:
        """200 with this value, and whether something may be missing in it."""
        reply = json_reply(value)
        return reply if self.complete else reply._replace(headers=PARTIAL)

    async def _ask(self, question: Callable[[], Answer[T]], local: Callable[[], T]) -> T:
        if self.complete:
            try:
                answer = question()
                return await self._in_time(answer) if isinstance(answer, defer.Deferred) else answer
            except BackendError:
                self.complete = False
        return local()

    async def _in_time(self, answer: defer.Deferred[T]) -> T:
        clock = self._engine.clock
        began = clock.seconds()
        try:
            return await answer.addTimeout(self._patience, clock)
        except defer.TimeoutError as error:
            raise BackendError("the other nodes do not answer in time") from error
        finally:
            self._patience = max(0.0, self._patience - (clock.seconds() - began))


def counted(channel: str, counts: ChannelCounts, info: Collection[str]) -> dict[str, int]:
    """The wanted attributes out of these counts; only presence channels count users."""
    found = {}
    if "user_count" in info and channel.startswith(PRESENCE_PREFIX):
        found["user_count"] = counts.users or 0
    if "subscription_count" in info:
        found["subscription_count"] = counts.subscriptions
    return found

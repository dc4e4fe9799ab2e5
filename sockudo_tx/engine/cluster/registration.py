"""All that this node tells the authority of its sockets, told again: it is the truth, the authority an index of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import TypeVar

from twisted.internet.defer import Deferred

from ...interfaces import Answer, BackendError, Fact, IAuthority, Joined, NodeFacts
from ...protocol.effects import Member
from ..answers import ask
from ..node import Node
from ..registry import Registry
from ..tables import AppSpace, Channel, Socket

__all__ = ["Registration"]

T = TypeVar("T")
Key = tuple[str, str]
SLICE = 200
"""Facts told one by one that wait for their answers together."""


class Registration:
    """Quietly, where the authority has lost what it knew; aloud, where it has told everybody that we are gone.

    `opening` are the channels that wait for their first subscriber; `tell` takes webhook facts, by app id;
    with `counting`, the authority is told of connections.
    """

    def __init__(
        self,
        registry: Registry,
        authority: IAuthority,
        node: Node,
        opening: Callable[[], list[Key]],
        tell: Callable[[str, Fact], None],
        counting: bool = True,
    ) -> None:
        self._registry = registry
        self._authority = authority
        self._node = node
        self._opening = opening
        self._tell = tell
        self._counting = counting

    def quiet(self) -> Answer[None]:
        """All facts in one: nobody is told of anything. Fails with `BackendError`."""
        answer: Answer[None] = self._authority.register(self._node.id, self.facts())
        return answer

    def facts(self) -> NodeFacts:
        """What is true here and now."""
        channels = dict.fromkeys(self._opening(), 0)
        members = []
        for space, channel in self._channels():
            app_id, name = space.app.id, channel.name.text
            channels[app_id, name] = len(channel.subscribers)
            members += [(app_id, name, *member) for member in _members(channel)]
        self._node.registered += 1
        connections = Counter(self._node.coming)
        if self._counting:
            connections.update({app_id: space.alive for app_id, space in self._registry.apps.items()})
        users = [
            (app_id, user_id, socket.id)
            for app_id, space in self._registry.apps.items()
            for user_id, sockets in space.users.items()
            for socket in sockets
            if not socket.ended
        ]
        return NodeFacts(
            connections={app_id: count for app_id, count in connections.items() if count},
            channels=[(*key, count) for key, count in channels.items()],
            members=members,
            users=users,
        )

    def aloud(self, earlier: str) -> Deferred[None]:
        """One by one, as if all came anew, once nothing is left of the `earlier` id. Fails with `BackendError`."""
        done: Deferred[None] = Deferred()

        def failed(error: BackendError) -> None:
            if not done.called:
                done.errback(error)

        def reaped(left: int) -> None:
            if left:
                reap()
            else:
                facts = self.facts()
                connections = NodeFacts(connections=facts.connections)
                steps = self._steps(facts)
                ask(lambda: self._authority.register(self._node.id, connections), lambda _: some(steps), failed)

        def reap() -> None:
            ask(lambda: self._authority.reap(earlier), reaped, failed)

        def some(steps: Iterator[Callable[[], Answer[object]]]) -> None:
            questions = list(islice(steps, SLICE))
            left = len(questions)
            if not left:
                done.callback(None)
                return

            def answered(_: object) -> None:
                nonlocal left
                left -= 1
                if not left and not done.called:
                    some(steps)

            for question in questions:
                ask(question, answered, failed)

        reap()
        return done

    def _steps(self, facts: NodeFacts) -> Iterator[Callable[[], Answer[object]]]:
        """Of those who are still here when their turn comes."""
        for app_id, name, _ in facts.channels:
            yield partial(self._occupy, app_id, name)
        for app_id, name, socket_id, user_id, user_info in facts.members:
            socket = self._socket(app_id, socket_id)
            if socket is not None and name in _entered(socket):
                yield partial(self._join, app_id, name, socket_id, Member(user_id, user_info))
        for app_id, user_id, socket_id in facts.users:
            if self._socket(app_id, socket_id) is not None:
                yield partial(self._authority.user_up, app_id, user_id, self._node.id, socket_id)

    def _occupy(self, app_id: str, name: str) -> Answer[object]:
        space = self._registry.apps.get(app_id)
        channel = space.channels.get(name) if space is not None else None
        if channel is None and (app_id, name) not in self._opening():
            return None
        first: Answer[bool] = self._authority.occupy(app_id, name, self._node.id)
        count: Answer[int] = self._authority.count(
            app_id, name, self._node.id, len(channel.subscribers) if channel is not None else 0
        )
        if isinstance(count, Deferred):
            count.addErrback(lambda _: None)  # type: ignore[unused-awaitable]  # `first` fails as well
        return _then(first, lambda told: self._tell(app_id, Fact("channel_occupied", name)) if told else None)

    def _join(self, app_id: str, name: str, socket_id: str, member: Member) -> Answer[object]:
        joined: Answer[Joined] = self._authority.join(app_id, name, self._node.id, socket_id, *member, 0)
        fact = Fact("member_added", name, user_id=member.user_id)
        return _then(joined, lambda answer: self._tell(app_id, fact) if answer.webhook else None)

    def _socket(self, app_id: str, socket_id: str) -> Socket | None:
        space = self._registry.apps.get(app_id)
        socket = space.sockets.get(socket_id) if space is not None else None
        return socket if socket is not None and not socket.ended else None

    def _channels(self) -> Iterator[tuple[AppSpace, Channel]]:
        for space in self._registry.apps.values():
            for channel in space.channels.values():
                yield space, channel


def _entered(socket: Socket) -> Mapping[str, object]:
    return socket.session.channels if socket.session is not None else {}


def _members(channel: Channel) -> Iterator[tuple[str, str, str]]:
    """Socket id, user id and user_info of each local member, with the user_info everybody was told."""
    if channel.mirror is None:
        return
    known = channel.mirror.members
    for socket in channel.subscribers:
        if not socket.ended and socket.session is not None:
            member = socket.session.channels.get(channel.name.text)
            if member is not None:
                yield socket.id, member.user_id, known.get(member.user_id, member.user_info)


def _then(answer: Answer[T], then: Callable[[T], None]) -> Answer[None]:
    if isinstance(answer, Deferred):
        return answer.addCallback(then)
    then(answer)
    return None

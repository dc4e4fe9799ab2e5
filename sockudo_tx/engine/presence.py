"""Presence: becoming and ceasing to be a member (protocol.md 7.4, 9; scaling.md 6.3)."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ..interfaces import BackendError, IAuthority, Joined
from ..protocol import messages
from ..protocol.effects import Member
from ..protocol.names import ChannelName
from .answers import ask
from .broadcast import send
from .mirror import Mirror
from .mirrors import Mirrors
from .node import Node
from .repeats import Repeats
from .tables import AppSpace, Channel, Socket

__all__ = ["Presence"]


class Presence:
    """Asks the authority for every transition; what it decided is told from the mirrors.

    `settled` is None, or fires when those who have left already are members no more.
    """

    _log = Logger()

    def __init__(
        self,
        authority: IAuthority,
        mirrors: Mirrors,
        node: Node,
        disappeared: Callable[[], None],
        repeats: Repeats,
        settled: Callable[[], Deferred[None] | None] = lambda: None,
    ) -> None:
        self._authority = authority
        self._mirrors = mirrors
        self._node = node
        self._disappeared = disappeared
        self._repeats = repeats
        self._settled = settled

    def join(
        self,
        socket: Socket,
        name: ChannelName,
        member: Member,
        limit: int,
        admitted: Callable[[Joined, Mirror], None],
        refused: Callable[[BackendError | None], None],
    ) -> Deferred[None] | None:
        """Make the socket this member: `admitted` with the member list, or `refused` (None: channel full).

        A socket that is already another member leaves as that one first, unless the new one is refused; of
        either it is told nothing itself.
        """
        space = socket.space
        assert space is not None
        assert socket.session is not None
        app_id = space.app.id
        old = socket.session.channels.get(name.text)
        known = self._mute(socket, space.channels[name.text], old, member) if old is not None else {}
        waits: list[Deferred[None] | None] = []
        asked = ""
        """The id of this node when it asked."""

        def failed(error: BackendError | None) -> None:
            if error is not None:
                self.part(app_id, name.text, socket.id)  # the join may have taken effect
            if old is not None and socket.session is not None:
                waits.append(self._stay(socket, space, name, old, known, lambda: refused(error)))
            else:
                refused(error)

        def decided(joined: Joined) -> None:
            if joined.outcome != "limit":
                waits.append(self._with_mirror(space, name, member, joined, arrived, failed))
            elif (settled := self._settled()) is not None:  # the places may be taken by those who are leaving
                waits.append(settled.addCallback(lambda _: attempt()))
            else:
                failed(None)

        def arrived(joined: Joined, mirror: Mirror) -> None:
            if asked == self._node.id or socket.session is None:
                admitted(joined, mirror)
            else:
                waits.append(again(joined.webhook))

        def again(webhook: bool) -> Deferred[None] | None:
            """This node goes by another id now, and all facts of the one it had are removed."""
            for node in {asked, self._node.id}:  # under the new one it may be registered as who it was before
                self.part(app_id, name.text, socket.id, node)
            return attempt(0, webhook)

        def attempt(most: int = limit, webhook: bool = False) -> Deferred[None] | None:
            """`webhook`: that it came is decided, and not told yet."""
            nonlocal asked
            asked = self._node.id
            return ask(
                lambda: self._join(app_id, name.text, socket.id, member, most),
                lambda joined: decided(joined._replace(webhook=True) if webhook else joined),
                failed,
            )

        if old is not None:
            self.part(app_id, name.text, socket.id)
        wait = attempt()
        return wait.addCallback(_all_of, waits) if wait is not None else _all_of(None, waits)

    def part(self, app_id: str, channel: str, socket_id: str, node: str | None = None) -> None:
        """Undo the socket's join; `node` is the id under which that was made, if it is not this node's any more."""
        ask(
            lambda: self._authority.part(app_id, channel, node or self._node.id, socket_id),
            lambda _: self._disappeared(),
            self._lost,
        )

    def _join(self, app_id: str, channel: str, socket_id: str, member: Member, limit: int) -> Joined | Deferred[Joined]:
        answer: Joined | Deferred[Joined] = self._authority.join(
            app_id, channel, self._node.id, socket_id, member.user_id, member.user_info, limit
        )
        return answer

    def _with_mirror(
        self,
        space: AppSpace,
        name: ChannelName,
        member: Member,
        joined: Joined,
        admitted: Callable[[Joined, Mirror], None],
        refused: Callable[[BackendError | None], None],
    ) -> Deferred[None] | None:
        key = space.app.id, name.text

        def ready() -> bool:
            channel = space.channels.get(name.text)
            if channel is None or channel.mirror is None:
                return False
            if not self._mirrors.contains(channel.mirror, joined.version, member.user_id):
                return False
            admitted(joined, channel.mirror)
            return True

        def fetch() -> Deferred[None] | None:
            return self._mirrors.fetch(key, lambda mirror: admitted(joined, mirror), refused)

        if ready():
            return None
        soon = self._mirrors.soon(key, joined.version)
        return fetch() if soon is None else soon.addCallback(lambda _: None if ready() else fetch())

    def _mute(self, socket: Socket, channel: Channel, old: Member, new: Member) -> dict[str, str | None]:
        """The socket hears nothing of its two identities for now; what it knows of them."""
        muted = (old.user_id, new.user_id)
        channel.subscribers[socket] = channel.subscribers[socket]._replace(muted=muted)
        members = channel.mirror.members if channel.mirror is not None else {}
        return {user_id: members.get(user_id) for user_id in muted}

    def _stay(
        self,
        socket: Socket,
        space: AppSpace,
        name: ChannelName,
        old: Member,
        known: dict[str, str | None],
        stayed: Callable[[], None],
    ) -> Deferred[None] | None:
        """The new identity was refused: the old one never left, its other sockets held its place."""

        def back(_: object) -> None:
            channel = space.channels.get(name.text)
            if channel is not None and socket in channel.subscribers:
                channel.subscribers[socket] = channel.subscribers[socket]._replace(muted=())
                self._catch_up(socket, channel, known)
            stayed()

        def lost(error: BackendError) -> None:
            self._lost(error)
            back(error)

        return ask(lambda: self._join(space.app.id, name.text, socket.id, old, 0), back, lost)

    def _catch_up(self, socket: Socket, channel: Channel, known: dict[str, str | None]) -> None:
        """Tell what became of the two while the socket was deaf to them; in one turn nothing did."""
        members = channel.mirror.members if channel.mirror is not None else {}
        for user_id, before in known.items():
            now = members.get(user_id)
            if before is not None and now != before:
                send(socket, messages.member_removed(channel.name.text, user_id))
            if now is not None and now != before:
                send(socket, messages.member_added(channel.name.text, user_id, now))

    def _lost(self, error: BackendError) -> None:
        if self._repeats.due("presence"):
            self._log.warn("presence state is unavailable: {error}", error=str(error))


def _all_of(_: None, waits: list[Deferred[None] | None]) -> Deferred[None] | None:
    """Wait for each of these, and for those that come upon it meanwhile."""
    while waits:
        wait = waits.pop()
        if wait is not None:
            return wait.addCallback(_all_of, waits)
    return None

"""The engine: the one entry for transports. Performs what sessions decide, publishes, answers questions.

Everything runs in the caller's turn unless a backend makes it wait; then that socket's further messages
queue in its inbox, and nobody else notices. Not reentrant across threads: reactor thread only.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ..interfaces import (
    Answer,
    BackendError,
    IApps,
    IAuthority,
    IBus,
    ICache,
    IDeltaPace,
    IFacts,
    ISink,
    PresenceChange,
    UserChange,
)
from ..protocol import errors, messages
from ..protocol.app import App
from ..protocol.errors import PeerError
from ..protocol.limits import SlidingWindow
from ..protocol.messages import Command
from ..protocol.names import ChannelName
from ..protocol.publication import Publication
from .answers import when
from .app_changes import AppChanges
from .broadcast import publish_locally, send
from .cached_events import CachedEvents
from .cluster.cluster import Cluster
from .cluster.settings import ClusterSettings
from .cluster.steady import SteadyAuthority
from .connections import Connections
from .counts import SubscriptionCounts
from .departures import LOST, Departed, Ending
from .facts import FactTeller
from .leaving import Leaver
from .mirrors import Mirrors
from .node import Node
from .performing import Performing
from .presence import Presence
from .questions import Questions
from .registry import Registry
from .repeats import Repeats
from .settings import EngineSettings
from .subscriptions import Subscriptions
from .tables import AppSpace, Socket
from .tailored.pace import OwnPace
from .tailored.placement import Placement
from .tailored.publisher import TailoredPublisher
from .tally import Tally
from .users import Users

__all__ = ["Engine"]

_BY_THE_SETTINGS = (messages.ClientEvent, messages.Subscribe, messages.Signin)
"""Commands that are judged by the app's settings."""


class Engine(Questions):
    """A whole Pusher server without a wire: give it sinks and messages, and it keeps the promises of the protocol."""

    _log = Logger()

    def __init__(
        self,
        *,
        clock: IReactorTime,
        apps: IApps,
        authority: IAuthority,
        cache: ICache,
        facts: IFacts,
        settings: EngineSettings = EngineSettings(),  # noqa: B008 (an immutable value)
        node_id: str | None = None,
        departed: Departed | None = None,
        pace: IDeltaPace | None = None,
        bus: IBus | None = None,
        cluster_settings: ClusterSettings = ClusterSettings(),  # noqa: B008 (an immutable value)
    ) -> None:
        self.clock = clock
        self.apps = apps
        self.cache = cache
        self.settings = settings
        self.node = Node(node_id)
        self.tally = Tally()
        self.registry = Registry(self.tally)
        self.draining = False
        """Shutdown has begun; see `announce_end` and `admitting`."""
        self._authority = authority
        self._steady = authority if isinstance(authority, SteadyAuthority) else None
        repeats = Repeats(clock)
        self._facts = FactTeller(clock, self.registry, apps, authority, facts, repeats, settings.grace)
        self._counts = SubscriptionCounts(self.registry, self._facts, settings.subscription_count_interval)
        self._mirrors = Mirrors(self.registry, authority, repeats)
        settled = lambda: self._connections.leaving.settled()  # noqa: E731, PLW0108  # they come later
        self._presence = Presence(authority, self._mirrors, self.node, self._facts.disappeared, repeats, settled)
        self.alone = bus is None
        """There are no other nodes. An attribute: each publish asks."""
        self._cluster: Cluster | None = None
        if bus is not None:
            self._cluster = Cluster(
                clock, bus, authority, self.node, self.registry, cluster_settings, settings.socket_counting
            )
        interest = self._cluster.interest if self._cluster is not None else None
        self._users = Users(self.registry, authority, self.node, repeats, interest)
        self._placement = Placement(clock, settings.delta)
        self._cached = CachedEvents(cache, self._facts, self._placement, settings.cache_ttl, repeats)
        self._tailored = TailoredPublisher(settings.delta, pace or OwnPace(), clock.seconds, self._placement)
        self._connections = Connections(
            clock, self.registry, apps, authority, settings, self.node, self._left, self._resume, repeats, departed
        )
        self._performing = Performing(
            self._users,
            self._facts,
            self._cached,
            self._placement,
            self._tailored,
            self._connections.hold,
            self._cluster,
        )
        self._subscriptions = self._performing.subscriptions = Subscriptions(
            self.registry,
            authority,
            self._presence,
            self._mirrors,
            self._counts,
            self._facts,
            self._placement,
            self.node,
            self._performing.perform,
            self._refuse,
            repeats,
            interest,
        )
        self._app_changes = AppChanges(self.registry, apps, self._connections, repeats)
        self._coordinated = self._cluster is not None and pace is not None and not isinstance(pace, OwnPace)
        if self._cluster is None:
            authority.listen(self)
        else:
            self._facts.sweep()
            if self._steady is not None:
                self._steady.resync = self.start_anew
            self._counts.elsewhere = self._cluster.control
            self._cluster.begin(
                self._tailored,
                self._mirrors,
                self._users,
                self._terminate_here,
                self._facts.tell_of,
                self._facts.others_gone,
                self._subscriptions.recount,
            )

    # The WebSocket side

    def connect(self, sink: ISink, key: str, origin: str | None, address: str = "", client: str = "") -> Socket:
        """A transport has a new connection for the app with this key; `origin` is the header, None if absent.

        `address` is the peer's, `client` the library that connects; both only for the log.
        """
        return self._connections.connect(sink, key, origin, address, client)

    def hear(self, socket: Socket, payload: bytes, binary: bool = False) -> None:
        """One inbound message. Never raises: a refusal is told to the peer, a bug is logged."""
        if socket.ended:
            return
        self.alive(socket)
        if socket.inbox is not None:
            if not socket.inbox.put(payload, binary):
                self._connections.close(socket, errors.too_many_waiting())
            return
        try:
            self._decide(socket, messages.decode(payload, binary=binary), len(payload))
        except PeerError as fault:
            self._refuse(socket, fault)
        except Exception:  # noqa: BLE001  # the boundary: our bug must cost neither the connection nor the server
            self._log.failure("a message could not be processed", socket_id=socket.id, app_id=socket.app_id)
            self._refuse(socket, errors.internal())

    def hear_within(self, most: int, socket: Socket, payload: bytes, binary: bool = False) -> None:
        """The same where a connection may send `most` messages in any second; one that sends more is closed.

        A message that is left out, or refused, would be missed for good: pusher-js never asks again for a subscription,
        and takes a server that does not answer its ping for dead. After 4100 it comes back, not before a second.
        """
        if socket.ended:
            return
        tally = self.tally.unknown if socket.space is None else socket.space.tally
        tally.message_checks += 1
        if socket.pace is None:
            socket.pace = SlidingWindow()
        if socket.pace.admit(most, 1.0, self.clock.seconds()):
            self.hear(socket, payload, binary)
        else:
            self._connections.close(socket, errors.too_many_messages(most))

    def alive(self, socket: Socket) -> None:
        """An inbound frame proves that the peer lives."""
        socket.pulse.hear(self.clock.seconds())

    def answered(self, socket: Socket) -> None:
        """The peer has answered a native Ping of ours."""
        socket.pulse.hear_answer(self.clock.seconds())

    def missed(self, socket: Socket) -> None:
        """An ordinary event was dropped on its way to the peer, who is slow: the next ones may not build upon it.

        May be told in the middle of a broadcast.
        """
        if socket.wishes is not None and socket.space is not None:
            self._placement.missed(socket, socket.space)

    def closing(self, socket: Socket, ending: Ending = LOST) -> None:
        """The transport has sent a Close frame of its own, which the peer may never answer: clean up now."""
        self._connections.leave(socket, ending)

    def disconnected(self, socket: Socket, ending: Ending = LOST) -> None:
        """The transport is gone."""
        self._connections.gone(socket, ending)

    # The REST side

    def publish(self, app: App, event: Publication) -> list[tuple[str, int]]:
        """Deliver to local subscribers now, in order of the event's channels, waiting for nobody.

        Tells the kind of each channel that has any, and how many they are."""
        reached = []
        space = self.registry.apps.get(app.id)
        cluster = self._cluster
        if cluster is not None:
            cluster.catch_up()
        for channel, text in zip(event.channels, messages.event(event.name, event.data, event.channels), strict=True):
            full = self._tailored.verdict(app, channel, text, event) if self._coordinated else None
            # A crowd takes a while: then the others are told before it is served, and deliver meanwhile.
            ahead = cluster is not None and space is not None and space.crowded(channel)
            if cluster is not None and ahead:
                cluster.forward(app.id, channel, text, event, full)
            if space is not None:
                found = space.channels.get(channel)
                if event.tags or (found is not None and found.segments is not None):
                    count = self._tailored.publish(
                        app, space, channel, text, event, counted=self._coordinated, full=full
                    )
                else:
                    count = publish_locally(space, channel, text, event.socket_id)
                if count:
                    reached.append(("public" if found is None else found.kind, count))
            if cluster is not None and not ahead:
                cluster.forward(app.id, channel, text, event, full)
            if "cache-" in channel and ChannelName.of(channel).cache:
                self._cached.store(app.id, channel, text)
        return reached

    def terminate_user(self, app_id: str, user_id: str) -> None:
        """Close every connection that is signed in as the user."""
        self._terminate_here(app_id, user_id)
        if self._cluster is not None:
            self._cluster.terminate(app_id, user_id)

    def _terminate_here(self, app_id: str, user_id: str) -> None:
        space = self.registry.apps.get(app_id)
        for socket in tuple(space.users.get(user_id, ())) if space is not None else ():
            self._connections.close(socket, errors.terminated_by_app())

    def start_anew(self) -> None:
        """Changes were forgotten before the authority was told: tell it everything (`SteadyAuthority.resync`)."""
        if self._cluster is not None:
            self._cluster.start_anew()

    # Life

    def announce_end(self) -> None:
        """Shutdown has begun: health checks and answers say so; connections go on, and more may come."""
        self.draining = True

    def drain(self, over: float, last: bool = False, patience: float = 0.0) -> Deferred[None]:
        """Close every connection with 4200 within about `over` seconds; fires when all are gone and told of.

        `last`: the other nodes leave too, and what is pending is told without further grace. An authority that cannot
        be reached has so many seconds' `patience` to hear who has gone.
        """
        self.announce_end()
        return Deferred.fromCoroutine(self._leave(over, last, patience))

    async def _leave(self, over: float, last: bool, patience: float) -> None:
        await self._connections.drain(over)
        self._placement.stop()
        if self._steady is not None and patience and (settled := self._steady.settled(patience)) is not None:
            await settled
        await self._facts.flush(final=last or self._cluster is None)
        self._end()

    def abandon(self) -> None:
        """Forget the other nodes without a word to them; for tests of what a crash leaves behind."""
        self._facts.stop()
        self._end()

    def _end(self) -> None:
        """Nothing is heard of the other nodes any more, and nothing told to them."""
        if self._cluster is not None:
            self._cluster.stop()
        if self._steady is not None:
            self._steady.stop()

    def adjust(self, settings: EngineSettings) -> None:
        """These settings from now on."""
        self.settings = settings
        self._connections.adjust(settings)
        self._counts.interval = settings.subscription_count_interval
        self._cached.ttl = settings.cache_ttl
        self._placement.settings = self._tailored.settings = settings.delta

    def apps_changed(self) -> None:
        """The store has other records; connections feel it at once, see `AppChanges`."""
        self._app_changes.take_up()

    # IAuthorityListener

    def presence_changed(self, change: PresenceChange) -> None:
        self._mirrors.changed(change)

    def user_changed(self, change: UserChange) -> None:
        self._users.changed(change)

    # Commands

    def _decide(self, socket: Socket, command: Command, size: int) -> None:
        space = socket.space
        if space is None:
            return  # refused, closing or gone: nothing counts any more
        tally = space.tally
        tally.received += 1
        tally.received_bytes += size
        if not isinstance(command, _BY_THE_SETTINGS):
            self._obey(socket, command, space.app)
            return
        # Settings may have changed since the last command; a store that fails leaves us the last record.
        try:
            app = self.apps.by_id(socket.app_id)
        except BackendError:
            app = space.app
        if isinstance(app, Deferred):
            self._obey_later(socket, space, command, app)
        else:
            self._obey(socket, command, app)

    def _obey_later(self, socket: Socket, space: AppSpace, command: Command, answer: Answer[App | None]) -> None:
        wait = when(
            answer,
            lambda app: self._obey(socket, command, app),
            lambda _: self._obey(socket, command, space.app),
        )
        self._connections.hold(socket, wait)

    def _obey(self, socket: Socket, command: Command, app: App | None) -> None:
        """Do what the session makes of a command; `app` is its record as it is now."""
        session, space = socket.session, socket.space
        if session is None or space is None:
            return
        if app is None:
            self._refuse(socket, errors.app_not_found())
            return
        space.app = app
        if app.max_client_events_per_second and type(command) is messages.ClientEvent:
            space.tally.client_event_checks += 1
        try:
            self._performing.perform(socket, session.receive(command, app, socket.pulse.heard_at))
        except PeerError as fault:
            self._refuse(socket, fault)

    def _refuse(self, socket: Socket, fault: PeerError) -> None:
        if fault.closing:
            self._connections.close(socket, fault)
        elif socket.session is not None:
            self.tally.refused(socket.app_id, fault)
            send(socket, messages.error(fault))

    def _left(self, leavers: Sequence[Leaver]) -> None:
        """Sockets have ended: out of their channels, in the order they entered them, off their users, and forgotten."""
        self._subscriptions.leave_all(leavers)
        for socket, space, session in leavers:
            self._users.gone(socket, space, session.user.user_id if session.user is not None else None)
            self.registry.remove(space, socket)

    def _resume(self, socket: Socket) -> None:
        """Nothing is waited for any more: take the inbox in order, until something waits again."""
        inbox, socket.inbox = socket.inbox, None
        while inbox:
            self.hear(socket, *inbox.take())
            if self._connections.wait_again(socket, inbox):
                return

"""This node's part in a server of many: tells the others what they need, and does here what they tell.

    publish -> delivered here -> Cluster.forward -> bus -> Cluster.received at others -> delivered there

Local delivery is done before anything here is called, and nothing here is waited for. Source: scaling.md 4-6.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from twisted.internet.defer import CancelledError, Deferred, TimeoutError  # noqa: A004
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...interfaces import Answer, BackendError, Fact, IAuthority, IBus
from ...protocol import bus_frames
from ...protocol.bus_frames import Control, Event, Ignored, Terminate, UserEvent
from ...protocol.names import USER_CHANNEL_PREFIX
from ...protocol.publication import Publication
from ..mirrors import Mirrors
from ..node import Node
from ..registry import Registry
from ..tailored.publisher import TailoredPublisher
from ..users import Users
from .arrivals import Arrivals
from .audit import MirrorAudit
from .awaited import Awaited
from .interest import Interest
from .membership import Membership
from .outgoing import Outgoing
from .registration import Registration
from .sequences import Heard, Said
from .settings import ClusterSettings
from .tally import ClusterTally
from .topics import CONTROL, channel_key, channel_topic, node_topic, user_topic

__all__ = ["Cluster"]

_HANDED_ON_WITHIN = 0.1
"""Seconds that a publisher waits until others have what he published: tenths of a millisecond, while all is well."""
_IMPATIENT = 1.0
"""Seconds in which nobody waits for it, after it was not so."""


class Cluster:
    """Over any (bus, authority) pair. `interest` is there for whoever needs a topic; `begin` brings in the rest."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        bus: IBus,
        authority: IAuthority,
        node: Node,
        registry: Registry,
        settings: ClusterSettings,
        counting: bool = True,
    ) -> None:
        self.tally = ClusterTally()
        self._clock = clock
        self._bus = bus
        self._authority = authority
        self._node = node
        self._registry = registry
        self._settings = settings
        self._counting = counting
        self._impatient_until = -math.inf
        self._said = Said(settings.remember)
        self._heard = Heard(settings.remember)
        self._outgoing = Outgoing(clock, bus, settings, self.tally)
        self.interest = Interest(clock, bus, settings, self._heard, self.tally, self._late)

    def begin(
        self,
        tailored: TailoredPublisher,
        mirrors: Mirrors,
        users: Users,
        terminate: Callable[[str, str], None],
        tell: Callable[[str, Fact], None],
        gone: Callable[[], None],
        recount: Callable[[], None],
    ) -> None:
        """Be one of them, from now on.

        `gone` is told when another node is no more; `recount` when the authority has to be told of all totals again.
        """
        self._mirrors = mirrors
        self._users = users
        self._gone = gone
        self._arrivals = Arrivals(self._registry, tailored, mirrors, users, terminate)

        def settled() -> None:
            recount()
            users.compare()

        registration = Registration(self._registry, self._authority, self._node, self._opening, tell, self._counting)
        self.membership = Membership(
            self._clock,
            self._authority,
            self._node,
            mirrors,
            registration,
            self._settings,
            self.tally,
            lambda epoch: self._say(CONTROL, Control(node="", op="epoch", about=epoch)),
            self._renamed,
            settled,
        )
        self._audit = MirrorAudit(self._clock, self._authority, mirrors, self._settings.audit)
        mirrors.join_cluster(
            Awaited(self._clock, self._settings.mirror_within), self.membership.seen, self.tally.resyncs
        )
        self._bus.listen(self)
        self._hold(CONTROL)
        self._hold(node_topic(self._node.id))
        self.membership.start()
        self._audit.start()

    def start_anew(self) -> None:
        """Changes that had to be told to the authority were forgotten: tell it everything under another id."""
        self.membership.start_anew()

    def stop(self) -> None:
        """No more timers, and nothing that is told from now on matters."""
        self.membership.stop()
        self._audit.stop()
        self.interest.stop()

    # To the others

    @property
    def refusing(self) -> bool:
        """Whoever publishes has to be told that not everybody gets it (scaling.md 4.8)."""
        return self._outgoing.refusing

    def handed_on(self) -> Deferred[None] | None:
        """Fires when who publishes at another node now comes behind what was published here; None when that is so, or
        not to be waited for. So backends whose every call may go to another node see them in the order of their calls.
        """
        if not self._bus.up or self._clock.seconds() < self._impatient_until:
            return None
        answer: Answer[None] = self._bus.handed_on()
        if not isinstance(answer, Deferred):
            return None
        return answer.addTimeout(_HANDED_ON_WITHIN, self._clock).addErrback(self._not_handed_on)

    def _not_handed_on(self, failure: Failure) -> None:
        if failure.trap(BackendError, TimeoutError, CancelledError) is not CancelledError:
            self._impatient_until = self._clock.seconds() + _IMPATIENT

    def catch_up(self) -> None:
        """Deliver here what others have handed on."""
        self._bus.catch_up()

    def forward(self, app_id: str, channel: str, text: str, event: Publication, full: bool | None = None) -> None:
        """A published event, delivered here already. `full` is what `IDeltaPace` said of it."""
        at = int(self._clock.seconds() * 1000)
        if channel.startswith(USER_CHANNEL_PREFIX):
            user_id = channel[len(USER_CHANNEL_PREFIX) :]
            header = UserEvent(
                node="", app_id=app_id, user_id=user_id, at=at, excluded=event.socket_id, tags=event.tags
            )
            self._say(user_topic(app_id, user_id), header, text)
            return
        self._say(
            channel_topic(app_id, channel),
            Event(
                node="",
                app_id=app_id,
                channel=channel,
                at=at,
                excluded=event.socket_id,
                tags=event.tags,
                full=full,
                delta=event.delta is not False,
            ),
            text,
        )

    def relay(self, app_id: str, channel: str, text: str, sender: str) -> None:
        """A client's event."""
        self._event(app_id, channel, text, "r", sender)

    def control(self, app_id: str, channel: str, text: str) -> None:
        """A message of the server itself to all subscribers, such as their number."""
        self._event(app_id, channel, text, "m")

    def terminate(self, app_id: str, user_id: str) -> None:
        """Close the user's connections."""
        self._say(CONTROL, Terminate(node="", app_id=app_id, user_id=user_id))

    def _event(
        self, app_id: str, channel: str, text: str, kind: Literal["r", "m"], excluded: str | None = None
    ) -> None:
        at = int(self._clock.seconds() * 1000)
        header = Event(node="", app_id=app_id, channel=channel, at=at, kind=kind, excluded=excluded)
        self._say(channel_topic(app_id, channel), header, text)

    def _say(self, topic: str, header: Event | UserEvent | Terminate | Control, body: str = "") -> None:
        header.node = self._node.id
        header.seq, header.previous = self._said.next(topic, self._clock.seconds())
        self._outgoing.publish(topic, bus_frames.encode(header, body))

    # IBusListener

    def received(self, topic: str, frame: bytes) -> None:
        """One frame of another node, or of the authority. Never raises."""
        self.tally.received += 1
        decoded = bus_frames.decode(frame)
        if isinstance(decoded, Ignored):
            self.tally.ignored[decoded.reason] += 1
            return
        try:
            self._do(topic, decoded.header, decoded.body)
        except Exception:  # noqa: BLE001  # the boundary: our bug must not end the way in
            self.tally.ignored["failed"] += 1
            self._log.failure("a frame of another node could not be delivered")

    def bus_up(self) -> None:
        """Everything that may have been missed is compared, and what was kept goes out."""
        self._log.info("the bus is up again")
        self._outgoing.up()
        self.membership.renew(self._compare)

    def bus_down(self, reason: str) -> None:
        self.tally.outages += 1
        self._log.warn("the bus is down: {reason}", reason=reason)
        self._outgoing.down()

    def _compare(self) -> None:
        self._audit.run("bus")
        self._users.compare()

    def _do(self, topic: str, header: bus_frames.Header, body: str) -> None:
        if isinstance(header, bus_frames.Presence):
            self.membership.seen(header.epoch)
            self._arrivals.presence(header, body)
        elif isinstance(header, bus_frames.UserChange):
            self._arrivals.user_change(header)
        elif isinstance(header, Event | UserEvent | Terminate | Control) and self._is_new(topic, header):
            if isinstance(header, Event):
                self._arrivals.event(header, body)
            elif isinstance(header, UserEvent):
                self._arrivals.user_event(header, body)
            elif isinstance(header, Terminate):
                self._arrivals.terminate(header)
            elif header.op == "gone" and header.about == self._node.id:
                self.membership.renew()
            elif header.op == "gone":
                self._gone()
            elif header.op == "epoch":
                self.membership.seen(header.about)

    def _is_new(self, topic: str, header: Event | UserEvent | Terminate | Control) -> bool:
        """Whether this is another node's, for the first time; what is missing before it is counted."""
        node = self._node
        if header.node == node.id or header.node in node.earlier:
            return False
        if not header.seq:
            return True
        found = self._heard.take(topic, header.node, header.seq, header.previous, self._clock.seconds())
        if found == "duplicate":
            self.tally.duplicates += 1
            return False
        if found == "gap":
            self.tally.gaps += 1
        return True

    def _hold(self, topic: str) -> None:
        """For as long as there is a cluster: nobody waits for it."""
        self.interest.hold(topic)

    def _renamed(self, earlier: str) -> None:
        self._hold(node_topic(self._node.id))
        self.interest.release(node_topic(earlier))

    def _late(self, topic: str) -> None:
        """The bus has confirmed a topic when nobody waited any more."""
        key = channel_key(topic)
        if key is not None:
            self._mirrors.resync(key, "late")

    def _opening(self) -> list[tuple[str, str]]:
        return [key for topic in self.interest.held() if (key := channel_key(topic)) is not None]

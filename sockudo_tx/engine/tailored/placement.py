"""Who follows which channel by deltas, and who has a filter in force (delta-and-filters.md 3, 7, 8.4, 15.1).

Everything takes effect in the caller's turn. What a subscription asked for is kept with its socket (`Wishes`), the
filter with its place in the channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ...delta.frames import DECLINED, DeltaForm, cache_sync, confirmation
from ...delta.settings import DeltaSettings, Rules
from ...delta.streams import Streams
from ...delta.wishes import FOLLOW, Wishes, wish_of
from ...protocol.effects import Asked
from ...protocol.tags import Filter
from ..broadcast import deliver_control, send
from ..tables import AppSpace, Channel, Socket
from .segments import Segments

__all__ = ["Placement"]

_STATES = 100
_STATES_SIZE = 65536
"""What a newcomer is sent of a channel with many streams, at most: streams, and bytes of their bases."""
_SLICE = 1000
"""Channels that are swept in one turn."""


class Placement:
    """Puts subscribers where they belong, and sweeps the channels that are followed."""

    def __init__(self, clock: IReactorTime, settings: DeltaSettings) -> None:
        self.settings = settings
        self._clock = clock
        self._followed: dict[Channel, None] = {}
        self._timer: IDelayedCall | None = None

    def __len__(self) -> int:
        """Channels that somebody follows."""
        return len(self._followed)

    def subscribed(self, socket: Socket, space: AppSpace, name: str, asked: Asked | None) -> None:
        """The socket has been told of its success on the channel, for the first time or again."""
        channel = space.channels.get(name)
        if channel is None:
            return  # a user channel: never in the tables
        wish = FOLLOW if asked is None else wish_of(asked.delta)
        wishes = socket.wishes
        if wish != FOLLOW:
            wishes = wishes or Wishes()
            _remember(socket, wishes)
            wishes.subscriptions[name] = wish
        elif wishes is not None:
            wishes.subscriptions.pop(name, None)
        rules = self._rules(space, channel)
        before = None if wishes is None else wishes.announced
        if wishes is not None and (told := wishes.confirms(name, rules)) is not None:
            send(socket, confirmation(told, name))
        self._place(socket, channel, rules, asked.filter if asked is not None and self.settings.filtering else None)
        if wishes is not None and wishes.announced != before:  # it may be left out of deltas elsewhere
            for other in _channels(socket, space):
                self._place(socket, other, self._rules(space, other), _filter(socket, other))

    def left(self, socket: Socket, channel: Channel) -> None:
        """The socket is no subscriber any more."""
        if socket.wishes is not None:
            socket.wishes.subscriptions.pop(channel.name.text, None)
            if channel.streams is not None and self.settings.cache_sync == "off":
                socket.wishes.floor = max(socket.wishes.floor, channel.streams.highest)
        if channel.segments is not None:
            channel.segments.leave(socket)
            self._settle(channel)

    def enable(self, socket: Socket, space: AppSpace, offered: tuple[str, ...] | None) -> None:
        """The socket wants deltas wherever nothing else is said, and begins anew where it gets them already."""
        wishes = socket.wishes or Wishes()
        told = wishes.switch_on(offered, self.settings)
        if told is None:
            send(socket, DECLINED)
            return
        _remember(socket, wishes)
        send(socket, confirmation(told))
        for channel in _channels(socket, space):
            if channel.segments is not None:
                channel.segments.reset(socket)
            self._place(socket, channel, self._rules(space, channel), _filter(socket, channel))

    def resync(self, socket: Socket, space: AppSpace, name: str) -> None:
        """The socket has no base on this channel."""
        channel = space.channels.get(name)
        if channel is not None and channel.segments is not None:
            channel.segments.reset(socket)

    def missed(self, socket: Socket, space: AppSpace) -> None:
        """An event was dropped on its way to the socket; on which channel is not known."""
        for channel in _channels(socket, space):
            if channel.segments is not None:
                channel.segments.reset(socket)

    def refollow(self, channel: Channel, rules: Rules) -> None:
        """Before an event: if the channel goes by other rules than before, everybody is where these put them."""
        segments = channel.segments
        if segments is None or rules is segments.rules:
            return
        if rules != segments.rules:
            waiting = not rules.possible and (segments.suspended or segments.followers > 0)
            segments.suspended = True  # the same segments until everybody is in place
            for socket in list(channel.subscribers):
                self._place(socket, channel, rules, _filter(socket, channel))
            segments.suspended = waiting
            self._settle(channel)
        segments.rules = rules

    def poisoned(self, channel: Channel) -> None:
        """What was just sent to the channel has spoilt what clients remember of it.

        Where there is one stream, the next full message puts that right; where there are many, they have to be told.
        """
        segments = channel.segments
        if segments is None or not segments.followers:
            return
        segments.forget()
        if (text := _emptied(channel, segments)) is not None:
            told = [socket for socket in channel.subscribers if socket.wishes is not None]
            deliver_control(told, text, channel.tally)

    def spoilt(self, socket: Socket, channel: Channel) -> None:
        """The same of what was just sent to one of its subscribers."""
        segments = channel.segments
        if segments is not None and segments.place(socket).form is not None:
            segments.reset(socket)
            if (text := _emptied(channel, segments)) is not None:
                send(socket, text)

    def stop(self) -> None:
        """Sweep no more."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _rules(self, space: AppSpace, channel: Channel) -> Rules:
        return space.rules.of(channel.name.text, space.app.channel_delta_compression, self.settings)

    def _place(self, socket: Socket, channel: Channel, rules: Rules, filter: Filter | None) -> None:  # noqa: A002
        name, wishes = channel.name.text, socket.wishes
        form: DeltaForm | None = None
        if wishes is not None and wishes.wants(name, rules):
            algorithm = wishes.algorithm(name, rules)
            form = DeltaForm(algorithm, not (self.settings.omit_algorithm and algorithm == wishes.announced))
        segments = channel.segments
        before = None if segments is None else segments.place(socket).form
        if segments is None:
            if form is None and filter is None:
                return
            if channel.streams is None:
                channel.streams = Streams()
            segments = channel.segments = Segments(channel.subscribers, channel.streams, rules)
        segments.move(socket, filter, form)
        self._settle(channel)
        if form is not None and before is None and wishes is not None and rules.path is not None:
            self._sync(socket, wishes, name, segments, rules)

    def _sync(self, socket: Socket, wishes: Wishes, name: str, segments: Segments, rules: Rules) -> None:
        """Tell a client what it shall remember of the channel: nothing, or the newest message of each stream."""
        if self.settings.cache_sync == "off":
            segments.streams.rise(wishes.floor)
            return
        segments.take_path(rules.path)
        states: dict[str, tuple[int, bytes]] = {}
        first = size = 0
        if self.settings.cache_sync == "states":
            segment = segments.place(socket).segment
            for key, stream in segments.streams.recent():
                newest = stream.newest()
                if newest is None or not segment.takes(newest[1].tags):
                    continue
                seq, base = newest
                size += len(base.text)
                if len(states) == _STATES or size > _STATES_SIZE:
                    break
                states[key] = (seq, base.text)
                first = base.tick
        segments.reset(socket)
        if states:
            segments.told[socket] = first
        send(socket, cache_sync(name, rules.path or (), rules.ring, states))

    def _settle(self, channel: Channel) -> None:
        """Keep no more of the channel than somebody needs; numbers stay, in case that followers come back."""
        segments = channel.segments
        if segments is not None and segments.followers:
            self._followed[channel] = None
            if self._timer is None:
                self._sweep_later()
            return
        if channel.streams:
            channel.streams.clear()
            if segments is not None:
                segments.forget()
        if segments is not None and not segments:
            channel.segments = None
        self._followed.pop(channel, None)
        if not self._followed:
            self.stop()

    def _sweep_later(self) -> None:
        self._timer = self._clock.callLater(max(1.0, self.settings.max_state_age), self._sweep)

    def _sweep(self) -> None:
        """Drop streams that have been idle for long."""
        self._timer = None
        self._sweep_some(iter(list(self._followed)))

    def _sweep_some(self, channels: Iterator[Channel]) -> None:
        now = self._clock.seconds()
        swept = 0
        for channel in islice(channels, _SLICE):
            swept += 1
            if channel.segments is not None:
                channel.segments.streams.sweep(now, 2 * channel.segments.rules.max_age)
        if not self._followed:
            return
        if swept == _SLICE:
            self._timer = self._clock.callLater(0, self._sweep_some, channels)
        else:
            self._sweep_later()


def _remember(socket: Socket, wishes: Wishes) -> None:
    """From now on it matters what is dropped on the way to the socket."""
    socket.wishes = wishes
    socket.sink.tells_missed = True


def _emptied(channel: Channel, segments: Segments) -> str | None:
    """What makes clients forget all they remember of a channel with many streams; None where there is one."""
    path = segments.path
    return None if path is None else cache_sync(channel.name.text, path, segments.rules.ring, {})


def _channels(socket: Socket, space: AppSpace) -> list[Channel]:
    """Those the socket is in."""
    session = socket.session
    names = () if session is None else session.channels
    return [channel for name in names if (channel := space.channels.get(name)) is not None]


def _filter(socket: Socket, channel: Channel) -> Filter | None:
    """The filter that is in force for the subscriber."""
    return None if channel.segments is None else channel.segments.place(socket).segment.filter

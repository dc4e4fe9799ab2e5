"""Publishing where not everybody gets the same: tags on their way out, filters, deltas.

    who gets it      those whose filter the event's tags match, and those without a filter
    with its tags    or without, one decision for all of a channel
    how              plain for some; numbered, whole or as a delta, for those who follow

Channels of which nothing of this is asked never come here. Source: delta-and-filters.md 6, 10, 15.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...delta.conflation import conflation_key
from ...delta.frames import poisons
from ...delta.settings import DeltaSettings, Rules, rules_for
from ...delta.streams import Stream
from ...interfaces import IDeltaPace, IFraming
from ...protocol import messages
from ...protocol.app import App
from ...protocol.publication import Publication
from ...protocol.wirejson import text_of
from ..audiences import CROWD, Audience
from ..broadcast import deliver_to_channel, publish_locally
from ..tables import AppSpace, Channel, Socket
from ..tally import ALL_CHANNELS, AppTally
from .numbered_event import NumberedEvent
from .placement import Placement
from .segments import RecipientGroup, Segment, Segments, Split

__all__ = ["TailoredPublisher"]

_OURS = ("pusher:", "pusher_internal:")
"""Beginnings of events that clients keep out of their bases."""

Delivery = tuple[int, Audience, bytes]
"""How many get it, who, and the text."""


class TailoredPublisher:
    """Takes one event to one channel."""

    def __init__(
        self,
        settings: DeltaSettings,
        pace: IDeltaPace,
        now: Callable[[], float],
        placement: Placement,
    ) -> None:
        self.settings = settings
        self._pace = pace
        self._now = now
        self._placement = placement

    def verdict(self, app: App, name: str, text: str, event: Publication) -> bool | None:
        """Count an event that this node publishes, for all nodes, whether or not anybody here follows (11)."""
        rules = rules_for(name, app.channel_delta_compression, self.settings)
        if not _numbers(event, text.encode(), rules) or poisons(text, event.data):
            return None
        key = "" if rules.path is None else conflation_key(rules.path, event.name, name, event.data, event.tags)
        return self._pace.count(app.id, name, key, rules.interval)

    def publish(
        self,
        app: App,
        space: AppSpace,
        name: str,
        text: str,
        event: Publication,
        *,
        counted: bool = False,
        full: bool | None = None,
    ) -> int:
        """Deliver to the channel's subscribers here; how many got it. `text` is the message without tags.

        Where the event is `counted` already, `full` is the verdict of whoever published it.
        """
        rules = space.rules.of(name, app.channel_delta_compression, self.settings)
        if event.tags and rules.tags:
            text = messages.tagged(text, event.tags)
        channel = space.channels.get(name)
        if channel is not None and channel.segments is not None:
            self._placement.refollow(channel, rules)
        if channel is None or (segments := channel.segments) is None:
            return publish_locally(space, name, text, event.socket_id)
        excluded = space.sockets.get(event.socket_id) if event.socket_id is not None else None
        receiving = segments.receiving(event.tags)
        if channel.replays:
            _beat(channel.replays, segments, receiving, excluded)
        payload = text.encode()
        deliveries: list[Delivery] = []
        poison = segments.followers and poisons(text, event.data)
        if segments.followers and not poison and _numbers(event, payload, rules):
            told = (full,) if counted else None
            deliveries = self._numbered(app, channel, segments, receiving, payload, event, rules, excluded, told)
        if deliveries or segments.filtered:
            try:
                count = self._by_segment(receiving, deliveries, payload, excluded, channel.tally)
            except Exception:
                segments.forget()  # some have the message now and some have not
                raise
        else:
            count = deliver_to_channel(channel, text, excluded)
        if poison:
            self._placement.poisoned(channel)
        return count

    def relay(self, channel: Channel, text: str, data: str | None, sender: Socket | None) -> None:
        """A client's event, for everybody else as it is; `sender` is None when it is another node's."""
        deliver_to_channel(channel, text, sender)
        if channel.segments is not None and poisons(text, "" if data is None else text_of(data)):
            self._placement.poisoned(channel)

    @staticmethod
    def _by_segment(
        receiving: Sequence[Segment],
        deliveries: list[Delivery],
        payload: bytes,
        excluded: Socket | None,
        tally: AppTally,
    ) -> int:
        """The numbered deliveries, if there are any, and plain ones for everybody else; how many they are together."""
        numbered = bool(deliveries)
        for segment in receiving:
            for cohort in (segment.plain,) if numbered else (segment.plain, *segment.cohorts.values()):
                audience, count = cohort.audience_without(excluded)
                if count:
                    deliveries.append((count, audience, payload))
        return _deliver(deliveries, tally)

    def _numbered(
        self,
        app: App,
        channel: Channel,
        segments: Segments,
        receiving: Sequence[Segment],
        payload: bytes,
        event: Publication,
        rules: Rules,
        excluded: Socket | None,
        told: tuple[bool | None] | None,
    ) -> list[Delivery]:
        """What those who follow are sent; nothing, and no number is used, when none of them gets the event."""
        name, tally, streams = channel.name.text, channel.tally, segments.streams
        segments.take_path(rules.path)
        key = "" if rules.path is None else conflation_key(rules.path, event.name, name, event.data, event.tags)
        stream = streams.get(key)
        now = self._now()
        verdict = self._pace.count(app.id, name, key, rules.interval) if told is None else told[0]
        why_full = (
            "coordinated" if verdict else stream.due(now, rules.interval * (1 if verdict is None else 2), rules.max_age)
        )
        splits, groups = _split(receiving, key, stream, excluded, full=why_full is not None)
        if segments.settle(receiving, groups):
            splits, groups = _split(receiving, key, stream, excluded, full=why_full is not None)
        if not groups:
            return []
        if why_full is not None and stream.ring:
            tally.delta_fallbacks[why_full] += 1
        message = NumberedEvent(event, name, payload, stream, None if streams.path is None else key, tally)
        deliveries = message.deliveries(
            groups, tally.deltas_of(name if self.settings.count_by_channel else ALL_CHANNELS)
        )
        if why_full is not None:
            stream.deltas = 0
        seq = stream.next
        tally.delta_evictions += streams.keep(key, stream, payload, rules, now, event.tags)
        for segment, split in splits:
            segment.handed(key, seq, split, streams)
        return deliveries


def _split(
    receiving: Sequence[Segment], key: str, stream: Stream, excluded: Socket | None, *, full: bool
) -> tuple[list[tuple[Segment, Split]], list[RecipientGroup]]:
    splits = [(segment, segment.split(key, stream, excluded, full=full)) for segment in receiving]
    return splits, [group for _, split in splits for group in split.groups]


def _numbers(event: Publication, payload: bytes, rules: Rules) -> bool:
    """Whether the event may have a number (6.1)."""
    return (
        rules.possible
        and event.delta is not False
        and len(payload) >= rules.min_size
        and event.data != ""
        and not event.name.startswith(_OURS)
    )


def _beat(replays: set[Socket], segments: Segments, receiving: Sequence[Segment], excluded: Socket | None) -> None:
    """A live event beats the cached one, for those who get it."""
    for socket in tuple(replays):
        if socket is not excluded and segments.place(socket).segment in receiving:
            replays.discard(socket)


def _deliver(deliveries: list[Delivery], tally: AppTally) -> int:
    """Push all of them; how many got one. The largest last: the turn may join it with the next."""
    deliveries.sort(key=_count)
    frames: dict[tuple[bytes, IFraming], bytes] = {}
    total = 0
    for count, audience, payload in deliveries:
        total += count
        for framing, sinks in audience:
            if not sinks:
                continue
            frame = frames.get((payload, framing))
            if frame is None:
                frame = frames[payload, framing] = framing.frame(payload)
            tally.sent_bytes += len(frame) * len(sinks)
            if len(sinks) < CROWD:
                for sink in sinks:
                    sink.push(frame)
            else:
                framing.push_all(sinks, frame)
    tally.sent += total
    return total


def _count(delivery: Delivery) -> int:
    return delivery[0]

"""Who gets which of a channel's events, and who of them as a delta against which message.

    Segments   all subscribers of a channel; made when the first of them has a filter or gets deltas
    Segment    those with the same filter, or with none: they are handed the same events
    Cohort     those of them who take the same bytes: plain ones, or deltas of one `DeltaForm`

Where everybody stands is told once for a segment: `at`, the last message it was handed in each stream. A subscriber
adds one number, `since`: what came up to then it has not got. Only two kinds need more: the one socket that was left
out of the last message, and those that were sent states (`told`). So a publish moves a segment of any size at once, and
nothing is kept for each socket and stream. Source: delta-and-filters.md 2, 6.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...delta.frames import DeltaForm
from ...delta.settings import Path, Rules
from ...delta.streams import Stream, Streams
from ...protocol.tags import Filter, FilterIndex
from ..audiences import Audience, audience_of, without, without_all

if TYPE_CHECKING:
    from ..tables import Socket

__all__ = ["Cohort", "RecipientGroup", "Segment", "Segments", "Split"]

_STALE = 64
"""Streams a segment may remember beyond twice those that are there."""
_NO_TAGS: Mapping[str, str] = {}


class Last(NamedTuple):
    """The last message that a segment was handed in one stream."""

    seq: int
    tick: int
    left_out: Socket | None = None
    """Who was excluded from it, and is still at `position`."""
    position: int | None = None


class RecipientGroup(NamedTuple):
    """Subscribers to whom a message goes in the same bytes."""

    form: DeltaForm
    position: int | None
    """The number of the message it can be a delta of."""
    audience: Audience
    size: int


class Split(NamedTuple):
    """What becomes of one message in a segment."""

    groups: list[RecipientGroup]
    left_out: Socket | None
    position: int | None
    """Where `left_out` stays."""


class Cohort:
    """Subscribers who take the same bytes, in the order of `since`."""

    __slots__ = ("_audience", "form", "members", "segment")

    def __init__(self, segment: Segment, form: DeltaForm | None) -> None:
        self.segment = segment
        self.form = form
        """None: plain messages."""
        self.members: dict[Socket, int] = {}
        """The tick after which messages count as received."""
        self._audience: Audience | None = None

    def add(self, socket: Socket, since: int) -> None:
        self.members[socket] = since
        self._audience = None

    def remove(self, socket: Socket) -> None:
        del self.members[socket]
        self._audience = None

    def reset(self, socket: Socket, since: int) -> None:
        """The socket is last in order; the sinks are the same, in another order than theirs."""
        del self.members[socket]
        self.members[socket] = since

    def audience(self) -> Audience:
        """The sinks, the same object while nobody comes or goes."""
        audience = self._audience
        if audience is None:
            audience = self._audience = audience_of(self.members, chained=self.form is not None)
        return audience

    def audience_without(self, excluded: Socket | None) -> tuple[Audience, int]:
        """The same for an event from which a socket, of this cohort or not, is excluded; and how many they are."""
        if excluded is None or excluded not in self.members:
            return self.audience(), len(self.members)
        return without(self.audience(), excluded), len(self.members) - 1


class Segment:
    """Subscribers with the same filter."""

    __slots__ = ("at", "cohorts", "filter", "plain", "told")

    def __init__(self, filter: Filter | None, told: dict[Socket, int]) -> None:  # noqa: A002 - the word for it
        self.filter = filter
        self.plain = Cohort(self, None)
        self.cohorts: dict[DeltaForm, Cohort] = {}
        """Of those who follow deltas; none of them empty."""
        self.at: dict[str, Last] = {}
        """By stream."""
        self.told = told

    def __bool__(self) -> bool:
        return bool(self.plain.members or self.cohorts)

    def cohort(self, form: DeltaForm | None) -> Cohort:
        """The cohort of this form, made if need be."""
        if form is None:
            return self.plain
        return self.cohorts.get(form) or self.cohorts.setdefault(form, Cohort(self, form))

    def split(self, key: str, stream: Stream, excluded: Socket | None, *, full: bool) -> Split:
        """Who of the followers can be handed the stream's next message as a delta of which; none of them if `full`."""
        last = self.at.get(key)
        groups: list[RecipientGroup] = []
        left_out: Socket | None = None
        position: int | None = None
        for cohort in self.cohorts.values():
            if excluded is not None and excluded in cohort.members:
                left_out, position = excluded, self._position(excluded, cohort, last, stream)
            if full:
                audience, count = cohort.audience_without(excluded)
                if count:
                    groups.append(RecipientGroup(_form(cohort), None, audience, count))
            else:
                groups += self._groups(cohort, last, stream, excluded)
        return Split(groups, left_out, position)

    def handed(self, key: str, seq: int, split: Split, streams: Streams) -> None:
        """What was split has been handed over, as the last message there is; unless nobody got it."""
        if split.groups:
            self.at[key] = Last(seq, streams.tick, split.left_out, split.position)
            if len(self.at) > 2 * len(streams) + _STALE:
                self.at = {key: last for key, last in self.at.items() if key in streams}

    def _groups(
        self, cohort: Cohort, last: Last | None, stream: Stream, excluded: Socket | None
    ) -> Iterator[RecipientGroup]:
        ring = stream.ring
        step = last.seq if last is not None and last.seq in ring else None
        apart = self._apart(cohort, last, stream, step)
        count = len(cohort.members) - len(apart)
        if excluded is None or excluded not in cohort.members:
            gone: Collection[Socket] = apart
        elif excluded in apart:
            gone = tuple(apart)
            del apart[excluded]
        else:
            gone = (*apart, excluded)
            count -= 1
        by_position: dict[int | None, list[Socket]] = {}
        for socket, position in apart.items():
            by_position.setdefault(position, []).append(socket)
        for position, sockets in by_position.items():
            yield RecipientGroup(_form(cohort), position, audience_of(sockets, chained=True), len(sockets))
        if count:
            audience = without_all(cohort.audience(), gone)
            yield RecipientGroup(_form(cohort), step, audience, count)

    def _apart(self, cohort: Cohort, last: Last | None, stream: Stream, step: int | None) -> dict[Socket, int | None]:
        """Who is not where the cohort as a whole is, and where."""
        apart: dict[Socket, int | None] = {}
        if step is not None or self.told:
            for socket, since in reversed(cohort.members.items()):
                if last is not None and since < last.tick:
                    break
                position = self._position(socket, cohort, last, stream)
                if position != step:
                    apart[socket] = position
        if last is not None and last.left_out is not None and last.left_out in cohort.members:
            position = self._position(last.left_out, cohort, last, stream)
            if position != step:
                apart[last.left_out] = position
        return apart

    def _position(self, socket: Socket, cohort: Cohort, last: Last | None, stream: Stream) -> int | None:
        """The last message of the stream that the socket was handed, while it can be a base."""
        since = cohort.members[socket]
        position: int | None = None
        if last is not None and since < last.tick:
            position = last.position if socket is last.left_out else last.seq
        elif (first := self.told.get(socket)) is not None:
            found = stream.newest(since)
            if found is not None and found[1].tick >= first and self.takes(found[1].tags):
                position = found[0]
        return position if position in stream.ring else None

    def takes(self, tags: Mapping[str, str] | None) -> bool:
        """Whether its subscribers get an event with these tags."""
        return self.filter is None or self.filter.matches(tags or _NO_TAGS)


class Segments:
    """All subscribers of a channel."""

    __slots__ = (
        "_filtered",
        "_index",
        "_places",
        "_shared",
        "_unfiltered",
        "followers",
        "resets",
        "rules",
        "streams",
        "suspended",
        "told",
    )

    def __init__(self, sockets: Iterable[Socket], streams: Streams, rules: Rules) -> None:
        self.streams = streams
        self.rules = rules
        """Those by which everybody was put in place."""
        self.followers = 0
        """How many get deltas."""
        self.resets = 0
        """How often it was found that somebody had missed a message."""
        self.suspended = False
        """Somebody got deltas until the rules became others, and shall when they are as before."""
        self._shared: object = None
        """The sinks that the turn may still owe the last numbered message, if nobody else was sent it."""
        self.told: dict[Socket, int] = {}
        """Who was sent states: those of all streams whose last message was of this tick or later (8.4)."""
        self._unfiltered = Segment(None, self.told)
        self._unfiltered.plain.members = dict.fromkeys(sockets, 0)
        self._filtered: dict[Filter, Segment] = {}
        self._index: FilterIndex[Segment] = FilterIndex()
        self._places: dict[Socket, Cohort] = {}
        """Who is elsewhere than in the plain cohort without a filter."""

    def __bool__(self) -> bool:
        """Whether they do not all get the same, or may not for long."""
        return bool(self._places) or self.suspended

    @property
    def filtered(self) -> bool:
        """Whether somebody has a filter."""
        return bool(self._filtered)

    @property
    def path(self) -> Path | None:
        """By which clients know keys: that of the rules, or the last there was."""
        return self.rules.path or self.streams.path

    def all(self) -> list[Segment]:
        return [self._unfiltered, *self._filtered.values()]

    def receiving(self, tags: Mapping[str, str] | None) -> list[Segment]:
        """Those that get an event with these tags."""
        if not self._filtered:
            return [self._unfiltered]
        return [self._unfiltered, *self._index.matching(tags or _NO_TAGS)]

    def place(self, socket: Socket) -> Cohort:
        """Where a subscriber is."""
        return self._places.get(socket) or self._unfiltered.plain

    def enter(self, socket: Socket) -> None:
        """A subscriber comes, or one that is there comes again."""
        if socket not in self._places:
            self._unfiltered.plain.add(socket, 0)

    def leave(self, socket: Socket) -> None:
        """A subscriber goes."""
        cohort = self._places.pop(socket, None)
        if cohort is None:
            self._unfiltered.plain.remove(socket)
        else:
            self._take_out(socket, cohort)

    def move(self, socket: Socket, filter: Filter | None, form: DeltaForm | None) -> None:  # noqa: A002
        """A subscriber has this filter and gets deltas so, or plain messages; elsewhere than before it begins anew."""
        cohort = self.place(socket)
        if cohort.segment.filter == filter and cohort.form == form:
            return
        self.leave(socket)
        segment = self._unfiltered if filter is None else self._segment(filter)
        cohort = segment.cohort(form)
        cohort.add(socket, self.streams.tick)
        self.followers += form is not None
        if cohort is not self._unfiltered.plain:
            self._places[socket] = cohort

    def reset(self, socket: Socket) -> None:
        """What the subscriber was handed up to now counts for nothing."""
        cohort = self._places.get(socket)
        if cohort is not None and cohort.form is not None:
            cohort.reset(socket, self.streams.tick)
            self.told.pop(socket, None)
            self.resets += 1

    def settle(self, receiving: Iterable[Segment], groups: Sequence[RecipientGroup]) -> bool:
        """Before a message that was split so is sent: whether it has to be split anew.

        What the turn still owes may yet be dropped. That is no harm while the same sinks get this message as well, as
        one `ChainedSinks`. Otherwise it is pushed now, and who misses something is known.
        """
        sinks: object = None
        if len(groups) == 1 and len(groups[0].audience) == 1 and not any(each.plain.members for each in receiving):
            ((_, sinks),) = groups[0].audience
        if sinks is not None and sinks is self._shared:
            return False
        self._shared = sinks
        before = self.resets
        for framing in {framing for group in groups for framing, _ in group.audience}:
            framing.settle()
        if self.resets == before:
            return False
        self._shared = None  # split anew, it goes to others
        return True

    def take_path(self, path: Path | None) -> None:
        """Events go by this conflation path from now on; by the last one there was if by none.

        With the first key clients leave behind what they have without one.
        """
        streams = self.streams
        if path is not None and path != streams.path:
            if streams.path is None:
                self.forget()
            streams.path = path

    def forget(self) -> None:
        """What anybody was handed up to now counts for nothing."""
        self.told.clear()
        for segment in self.all():
            segment.at.clear()

    def _segment(self, filter: Filter) -> Segment:  # noqa: A002
        segment = self._filtered.get(filter)
        if segment is None:
            segment = self._filtered[filter] = Segment(filter, self.told)
            self._index.add(filter, segment)
        return segment

    def _take_out(self, socket: Socket, cohort: Cohort) -> None:
        self.told.pop(socket, None)
        cohort.remove(socket)
        segment = cohort.segment
        if cohort.form is not None:
            self.followers -= 1
            if not cohort.members:
                del segment.cohorts[cohort.form]
        if segment.filter is not None and not segment:
            del self._filtered[segment.filter]
            self._index.remove(segment.filter)


def _form(cohort: Cohort) -> DeltaForm:
    assert cohort.form is not None
    return cohort.form

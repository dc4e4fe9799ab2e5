"""What other nodes tell, delivered to the sockets of this one. Nothing of it goes any further."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ...interfaces import PresenceChange, UserChange
from ...protocol import bus_frames
from ...protocol.bus_frames import Event, UserEvent
from ...protocol.names import USER_CHANNEL_PREFIX
from ...protocol.publication import Publication
from ...protocol.wirejson import Raw, text_of
from ..broadcast import deliver, deliver_control, publish_locally
from ..mirrors import Mirrors
from ..registry import Registry
from ..tables import Channel
from ..tailored.publisher import TailoredPublisher
from ..users import Users

__all__ = ["Arrivals"]


class _Message(msgspec.Struct):
    event: str = ""
    data: Raw = Raw(b"null")


_message = msgspec.json.Decoder(_Message).decode


class Arrivals:
    """One method for each kind of frame that concerns sockets. `terminate` closes a user's connections here."""

    def __init__(
        self,
        registry: Registry,
        tailored: TailoredPublisher,
        mirrors: Mirrors,
        users: Users,
        terminate: Callable[[str, str], None],
    ) -> None:
        self._registry = registry
        self._tailored = tailored
        self._mirrors = mirrors
        self._users = users
        self._terminate = terminate

    def event(self, header: Event, text: str) -> None:
        """To the channel's subscribers here, as if it was published here."""
        space = self._registry.apps.get(header.app_id)
        channel = space.channels.get(header.channel) if space is not None else None
        if space is None or channel is None:
            return
        if header.kind == "m":
            deliver_control(channel.subscribers, text, channel.tally)
        elif header.kind == "r":
            data = None if channel.segments is None else bytes(_message(text).data).decode()
            sender = space.sockets.get(header.excluded) if header.excluded is not None else None
            self._tailored.relay(channel, text, data, sender)
        elif header.tags or channel.segments is not None:
            event = _publication(header, text, channel)
            self._tailored.publish(space.app, space, header.channel, text, event, counted=True, full=header.full)
        else:
            publish_locally(space, header.channel, text, header.excluded)

    def user_event(self, header: UserEvent, text: str) -> None:
        """To the user's sockets here."""
        space = self._registry.apps.get(header.app_id)
        if space is None or not (sockets := space.users.get(header.user_id)):
            return
        if header.tags:  # whether they are shown is what the channel's rules say
            name = USER_CHANNEL_PREFIX + header.user_id
            event = Publication("", (name,), "", header.excluded, header.tags)
            self._tailored.publish(space.app, space, name, text, event, counted=True)
        else:
            excluded = space.sockets.get(header.excluded) if header.excluded is not None else None
            deliver(sockets, text, space.tally, excluded)

    def presence(self, header: bus_frames.Presence, user_info: str) -> None:
        """To the channel's member list here."""
        at, since, joined = int(header.version), int(header.previous), header.change == "+"
        self._mirrors.changed(
            PresenceChange(header.app_id, header.channel, header.epoch, since, at, joined, header.user_id, user_info)
        )

    def user_change(self, header: bus_frames.UserChange) -> None:
        """To those here who watch the user."""
        self._users.changed(UserChange(header.app_id, header.user_id, header.change == "+"))

    def terminate(self, header: bus_frames.Terminate) -> None:
        """Close the user's connections here."""
        self._terminate(header.app_id, header.user_id)


def _publication(header: Event, text: str, channel: Channel) -> Publication:
    """The event as it was published; its name and data are read only where messages are numbered."""
    name, data = "", ""
    if channel.segments is not None:
        message = _message(text)
        name, data = message.event, text_of(bytes(message.data))
    delta = None if header.delta else False
    return Publication(name, (header.channel,), data, header.excluded, header.tags, delta)

"""One connection as the protocol sees it: (command, app, now) -> effects. No socket, no loop, no clock.

A session decides and the engine performs. What needs the world (is the channel full, who is there) goes
out as an effect and comes back as an input:

    receive(Subscribe)  -> [Join]      then the engine calls `joined`  -> [Send, Replay]
    receive(Unsubscribe)-> [Leave]     the session has forgotten the channel already
    receive(Signin)     -> [Signin, Send, Watch]
    receive(ClientEvent)-> [Relay]
    receive(EnableDelta)-> [Enable]
    receive(SyncError)  -> [Resync]

A refusal is a `PeerError`; it has changed nothing. Source: protocol.md 7-9, 13, 14.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import auth, errors, messages
from .app import App
from .effects import Effect, Enable, Join, Leave, Member, Relay, Replay, Resync, Send, Watch
from .effects import Signin as SigninEffect
from .identity import Identity, member_of, user_of
from .limits import SlidingWindow
from .messages import ClientEvent, Command, EnableDelta, Ping, Signin, Subscribe, SyncError, Unsubscribe
from .names import SIGNED_PREFIXES, ChannelName, SocketId, channel_name_fault
from .wirejson import text_of

__all__ = ["Session"]

_NOTHING: Sequence[Effect] = ()
_PONG: Sequence[Effect] = (Send(messages.PONG),)


class Session:
    """The protocol state of one established connection."""

    __slots__ = ("_events", "authorized", "channels", "socket_id", "user")

    def __init__(self, socket_id: SocketId) -> None:
        self.socket_id = socket_id
        self.channels: dict[str, Member | None] = {}
        """Channels this socket is in; the member identity on presence channels."""
        self.user: Identity | None = None
        """Who the socket is signed in as."""
        self.authorized = False
        """Has signed in, or entered a channel that needs a signature."""
        self._events: SlidingWindow | None = None
        """Its client events, once there is one."""

    def receive(self, command: Command, app: App, now: float) -> Sequence[Effect]:
        """What the command asks for, in order. Raises `PeerError` when it is refused."""
        if isinstance(command, ClientEvent):
            return self._client_event(command, app, now)
        if isinstance(command, Ping):
            return _PONG
        if isinstance(command, Subscribe):
            return self._subscribe(command, app)
        if isinstance(command, Unsubscribe):
            return self._unsubscribe(command)
        if isinstance(command, Signin):
            return self._signin(command, app)
        if isinstance(command, EnableDelta):
            return (Enable(command.data),)
        if isinstance(command, SyncError) and command.channel in self.channels:
            return (Resync(command.channel),)
        return _NOTHING

    def joined(self, channel: ChannelName, member: Member | None, data: str = messages.NO_DATA) -> Sequence[Effect]:
        """The join took effect; `data` is `messages.presence_data` on presence channels."""
        self.channels[channel.text] = member
        if channel.private:
            self.authorized = True
        succeeded = Send(messages.subscription_succeeded(channel.text, data))
        return (succeeded, Replay(channel.text)) if channel.cache else (succeeded,)

    def _subscribe(self, command: Subscribe, app: App) -> Sequence[Effect]:
        if not app.enabled:
            raise errors.app_disabled()
        fault = channel_name_fault(command.channel, app.max_channel_name_length or 0, in_bytes=True)
        if fault is not None:
            raise errors.bad_channel(fault)
        channel = ChannelName.of(command.channel)
        if channel.user_id is not None and (self.user is None or self.user.user_id != channel.user_id):
            raise errors.not_authorized("Channel requires authentication")
        if channel.private:
            self._check_signature(channel, command, app)
        member = self._member(command, app) if channel.presence else None
        return (Join(channel, member, command.asked),)

    def _check_signature(self, channel: ChannelName, command: Subscribe, app: App) -> None:
        if command.auth is None:
            raise errors.not_authorized("Authentication signature required for this channel")
        signed_data = command.channel_data if channel.presence else None
        expected = auth.channel_signature(app.secret, self.socket_id, channel.text, signed_data)
        if not auth.same(command.auth, f"{app.key}:{expected}"):
            raise errors.not_authorized("Channel requires authentication")

    def _member(self, command: Subscribe, app: App) -> Member:
        if command.channel_data is not None:
            member = member_of(command.channel_data)
        elif self.user is not None:
            member = Member(self.user.user_id, self.user.user_info)
        else:
            raise errors.malformed("Missing channel_data for presence channel")
        limit = app.max_presence_member_size_in_kb or 0
        size = _size(member.user_info)
        if limit and size > limit * 1024:
            raise errors.bad_channel(f"Presence member data size ({-(-size // 1024)}KB) exceeds limit ({limit}KB)")
        return member

    def _unsubscribe(self, command: Unsubscribe) -> Sequence[Effect]:
        if command.channel not in self.channels:
            return _NOTHING
        return (Leave(command.channel, self.channels.pop(command.channel)),)

    def _client_event(self, command: ClientEvent, app: App, now: float) -> Sequence[Effect]:
        if not self._within_rate(app.max_client_events_per_second, now):
            raise errors.client_event_rate_limited()
        channel = command.channel
        if channel is None:
            raise errors.client_event_refused("Channel required for client event")
        if not app.enable_client_messages:
            raise errors.client_event_refused("Client events are not enabled for this app")
        limit = app.max_event_name_length or 0
        if limit and len(command.event.encode()) > limit:
            raise errors.bad_event_name(f"Event name exceeds maximum length of {limit}")
        limit = app.max_channel_name_length or 0
        if limit and len(channel.encode()) > limit:
            raise errors.bad_client_event_channel(f"Channel name exceeds maximum length of {limit}")
        if not channel.startswith(SIGNED_PREFIXES):
            raise errors.client_event_refused("Client events can only be sent to private or presence channels")
        self._check_payload(command.data, app)
        if channel not in self.channels:
            raise errors.client_event_refused(f"Socket {self.socket_id} is not subscribed to channel {channel}")
        member = self.channels[channel]
        return (Relay(channel, command.event, command.data, member.user_id if member is not None else None),)

    @staticmethod
    def _check_payload(data: str | None, app: App) -> None:
        limit = (app.max_event_payload_in_kb or 0) * 1024
        # A code point takes at most four bytes, and escapes only shrink: most events need no counting.
        if not limit or data is None or len(data) * 4 <= limit:
            return
        size = _size(data)
        if size > limit:
            raise errors.client_event_refused(
                f"Event payload size ({size} bytes) exceeds limit ({app.max_event_payload_in_kb}KB)"
            )

    def _within_rate(self, limit: int, now: float) -> bool:
        """The sliding window of every limit (scaling.md 12), not the fixed one of protocol.md 13.4."""
        if not limit:
            return True
        window = self._events
        if window is None:
            window = self._events = SlidingWindow()
        return window.admit(limit, 1.0, now)

    def _signin(self, command: Signin, app: App) -> Sequence[Effect]:
        if command.user_data is None:
            raise errors.not_authorized("Missing 'user_data' field in signin data")
        if command.auth is None:
            raise errors.not_authorized("Missing 'auth' field in signin data")
        if not app.enable_user_authentication:
            raise errors.not_authorized("User authentication is disabled for this app")
        user = user_of(command.user_data)
        key, colon, digest = command.auth.partition(":")
        if not colon:
            key, digest = app.key, command.auth
        genuine = auth.same(digest, auth.user_signature(app.secret, self.socket_id, command.user_data))
        if not (auth.same(key, app.key) and genuine):
            raise errors.not_authorized("Connection not authorized for signin.")
        if self.user is not None and self.user.user_id != user.user_id:
            raise errors.not_authorized("Connection is already signed in as another user")
        self.user = user
        self.authorized = True
        effects: list[Effect] = [
            SigninEffect(user.user_id),
            Send(messages.signin_success(command.user_data)),
            Watch(user.watchlist if app.enable_watchlist_events else ()),
        ]
        if user.watchlist_cut and app.enable_watchlist_events:
            effects.append(Send(messages.error(errors.watchlist_too_long())))
        return effects


def _size(json_text: str) -> int:
    """UTF-8 bytes of a value: a string's own characters, anything else as compact JSON."""
    return len(text_of(json_text).encode())

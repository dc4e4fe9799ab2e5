"""What can go wrong between us and a peer, on one screen.

    PeerError            the peer's fault, told to them: code, text, closing or not
    RestError            the same for a REST call: status, stable word, text

Close codes and what clients do with them (pusher-js):

    4000-4099  do not reconnect unchanged      (4000 before the handshake means "use TLS")
    4100-4199  reconnect after at least a second
    4200-4299  reconnect at once
    4300-4399  everything else; never closes a connection of ours

Source: protocol.md 4; Pusher, "Error codes".
"""

from __future__ import annotations

__all__ = ["PeerError", "RestError", "TooManyRequests", "shortened"]


class PeerError(Exception):
    """A refusal the peer is told as `pusher:error`; `closing` ones are followed by a Close frame.

    `text` is the exact text on the wire. It never holds internal detail or a secret. `kind` is the word under which
    metrics count it (http-api.md 11.5), empty for what is nobody's error.
    """

    def __init__(self, code: int, text: str, *, closing: bool = False, kind: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.closing = closing
        self.kind = kind

    def __repr__(self) -> str:
        return f"PeerError({self.code}, {self.text!r}, closing={self.closing})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PeerError):
            return NotImplemented
        return (self.code, self.text, self.closing) == (other.code, other.text, other.closing)

    def __hash__(self) -> int:
        return hash((self.code, self.text, self.closing))


# Closing refusals. Each is a function rather than one shared exception, because a raised exception
# keeps its traceback, and with it every frame it passed through.
def app_not_found() -> PeerError:
    return PeerError(4001, "Application does not exist", closing=True, kind="app_not_found")


def app_disabled() -> PeerError:
    return PeerError(4003, "Application disabled", closing=True, kind="app_disabled")


def over_quota() -> PeerError:
    return PeerError(4004, "Application is over connection quota", closing=True, kind="over_quota")


def origin_not_allowed() -> PeerError:
    return PeerError(4009, "Origin not allowed", closing=True, kind="origin_not_allowed")


def not_authorized_in_time() -> PeerError:
    return PeerError(4009, "Connection not authorized within timeout.", closing=True, kind="authentication_error")


def terminated_by_app() -> PeerError:
    return PeerError(4009, "You got disconnected by the app.", closing=True)


def app_lookup_failed() -> PeerError:
    return PeerError(4100, "Internal server error: App lookup failed", closing=True, kind="app_validation_failed")


def too_many_waiting() -> PeerError:
    """The client sends faster than the world answers."""
    return PeerError(4100, "Over capacity", closing=True)


def too_many_messages(most: int) -> PeerError:
    """Said more than the server hears from one connection; to leave out a message would be worse, see `hear_within`."""
    return PeerError(4100, f"Message rate limit exceeded ({most} in a second)", closing=True, kind="messages_limited")


def slow_consumer(detail: str) -> PeerError:
    """`detail` is `message limit: N` or `byte limit: N, message size: B bytes`."""
    return PeerError(4100, f"Client buffer full ({detail}), disconnecting slow consumer", closing=True)


def shutting_down() -> PeerError:
    return PeerError(4200, "Server shutting down", closing=True)


def pong_missing() -> PeerError:
    return PeerError(4201, "Pong reply not received in time", closing=True)


def idle_too_long() -> PeerError:
    return PeerError(4202, "Closed after inactivity", closing=True)


# Refusals that leave the connection usable.
def malformed(detail: str) -> PeerError:
    return PeerError(4000, f"Invalid message format: {detail}", kind="invalid_message_format")


def unreadable(detail: str) -> PeerError:
    """Not even JSON."""
    return PeerError(4000, f"Invalid message format: {detail}", kind="message_parse_error")


def nameless() -> PeerError:
    return PeerError(4000, "Invalid event name: Event name is required", kind="missing_event_name")


def bad_event_name(detail: str) -> PeerError:
    return PeerError(4000, f"Invalid event name: {detail}", kind="invalid_message_format")


def internal() -> PeerError:
    """Our bug, told without detail; the log has the rest."""
    text = "Internal server error: The message could not be processed"
    return PeerError(4000, text, kind="socket_handling_failed")


def not_authorized(detail: str) -> PeerError:
    return PeerError(4009, f"Authentication error: {detail}", kind="authentication_failed")


def channel_full() -> PeerError:
    return PeerError(4100, "Over capacity")


def bad_channel(detail: str) -> PeerError:
    return PeerError(4300, f"Channel error: {detail}", kind="invalid_message_format")


def bad_client_event_channel(detail: str) -> PeerError:
    return PeerError(4300, f"Channel name invalid: {detail}", kind="invalid_message_format")


def client_event_refused(detail: str) -> PeerError:
    return PeerError(4301, f"Client event error: {detail}")


def client_event_rate_limited() -> PeerError:
    return PeerError(4301, "Client event rejected due to rate limit", kind="rate_limited")


def watchlist_too_long() -> PeerError:
    return PeerError(4302, "Watchlist limit exceeded. Only the first 100 user IDs are accepted.")


class RestError(Exception):
    """A REST refusal: HTTP status, stable `code` word and a text for people (http-api.md 6).

    `text` names the thing, the rule and the cure; it quotes values `shortened`, and never a secret.
    """

    def __init__(self, status: int, code: str, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.headers = headers or {}


class TooManyRequests(RestError):
    """429, whose body has one member more than those of other refusals: `message` (http-api.md 6.1)."""

    def __init__(self, seconds: int, message: str = "") -> None:
        super().__init__(429, "rate_limited", "Too Many Requests", {"Retry-After": str(seconds)})
        self.message = message or f"Rate limit exceeded. Please try again in {seconds} s."


def shortened(text: str, length: int = 100) -> str:
    """What a refusal may quote of a value: so many characters, an ellipsis for the rest."""
    return text if len(text) <= length else text[: length - 1] + "…"

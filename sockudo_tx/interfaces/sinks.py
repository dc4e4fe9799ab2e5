"""Where the messages of connections go."""

from __future__ import annotations

from typing import TypeVar

from zope.interface import Attribute, Interface

__all__ = ["ChainedSinks", "IFraming", "ISink"]

_Sink = TypeVar("_Sink")


class ChainedSinks(tuple[_Sink, ...]):
    """Sinks whose frames build upon each other: what a turn has for one that misses a frame ends with that frame."""

    __slots__ = ()


class IFraming(Interface):
    """What sinks of one kind share: how texts become bytes for them, and the way to many of them at once."""

    def frame(text: bytes) -> bytes:
        """The finished bytes of one message."""

    def push_all(sinks: tuple[ISink, ...], frame: bytes) -> None:
        """`push` to each of these sinks, all of this framing; every sink sees the order it would see with `push`.

        Give the same tuple again for the same audience: what one turn has for it is then joined once for all. That is
        pushed late, so that a sink may miss one frame of it and take the next; give a `ChainedSinks` where it must not.
        """

    def settle() -> None:
        """Push now whatever the turn still owes anybody: what is dropped of it is known then."""


class ISink(Interface):
    """Where one connection's messages go. FIFO; push never waits, never fails, and is ignored once closed.

    Frames of one reactor turn leave together at its end (ARCHITECTURE.md, “The hot path”).
    """

    framing: IFraming = Attribute("The `IFraming` whose bytes this sink takes; compare by identity.")
    tells_missed: bool = Attribute("Set by the engine where it has to know of dropped events; see `Engine.missed`.")

    def push(frame: bytes) -> None:
        """Queue an ordinary event; may be dropped when the peer is too slow (scaling.md 8)."""

    def push_control(frame: bytes) -> None:
        """Queue a reply or presence message; never silently dropped."""

    def ping() -> None:
        """Send the transport's own liveness probe, where it has one."""

    def close(code: int, reason: str) -> None:
        """Flush, then end the connection with this Close code. Later pushes are ignored."""

    def abort() -> None:
        """End the connection now, without ceremony."""

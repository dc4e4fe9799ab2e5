"""Ending a user's connections (http-api.md 5.6)."""

from __future__ import annotations

from .call import Call
from .reply import OK, Reply

__all__ = ["terminate"]


async def terminate(call: Call) -> Reply:
    """Close every connection signed in as the user, here and in the cluster; the body is not looked at."""
    call.engine.terminate_user(call.app.id, call.segment(0))
    return OK

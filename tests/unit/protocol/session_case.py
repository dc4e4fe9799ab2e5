"""A session on its own, and commands signed for it."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.app import App, LimitDefaults
from sockudo_tx.protocol.auth import channel_signature, user_signature
from sockudo_tx.protocol.effects import Effect, Join
from sockudo_tx.protocol.errors import PeerError
from sockudo_tx.protocol.messages import Command, Signin, Subscribe
from sockudo_tx.protocol.session import Session

SOCKET_ID = "1234.5678"
APP = App(
    id="app",
    key="key",
    secret="secret",
    enable_client_messages=True,
    enable_user_authentication=True,
    enable_watchlist_events=True,
).with_defaults(LimitDefaults())


def changed(**changes: Any) -> App:
    return msgspec.structs.replace(APP, **changes)


def signed(channel: str, channel_data: str | None = None, key: str = "key", secret: str = "secret") -> Subscribe:
    """A subscribe with the signature its channel needs."""
    data = channel_data if channel.startswith("presence-") else None
    return Subscribe(channel, f"{key}:{channel_signature(secret, SOCKET_ID, channel, data)}", channel_data)


def signin(user_data: str, prefix: str = "key:") -> Signin:
    return Signin(prefix + user_signature("secret", SOCKET_ID, user_data), user_data)


class SessionCase(SynchronousTestCase):
    """A fresh session, and what it answers."""

    def setUp(self) -> None:
        self.session = Session(SOCKET_ID)
        self.now = 0.0

    def receive(self, command: Command, app: App = APP) -> list[Effect]:
        return list(self.session.receive(command, app, self.now))

    def refusal(self, command: Command, app: App = APP) -> tuple[int, str]:
        """How the command is refused; it must have changed nothing and close nothing."""
        before = state(self.session)
        fault = self.assertRaises(PeerError, self.session.receive, command, app, self.now)
        self.assertEqual(state(self.session), before)
        self.assertFalse(fault.closing)
        return fault.code, fault.text

    def enter(self, command: Subscribe, app: App = APP) -> list[Effect]:
        """Subscribe, and let the join take effect."""
        (join,) = self.receive(command, app)
        assert isinstance(join, Join)
        return list(self.session.joined(join.channel, join.member))


def state(session: Session) -> object:
    """All of the session but the rate window, which also counts what is refused."""
    return (session.socket_id, dict(session.channels), session.user, session.authorized)

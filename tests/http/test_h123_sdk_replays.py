"""What the PHP, Ruby and Go libraries send, replayed: each call succeeds, and its answer has the shape they parse.

The webhook half of these cases comes with webhooks.
"""

from __future__ import annotations

from typing import Any

from .case import HttpCase, RawConnection, event_frame
from .sdk_requests import GO, PHP, RUBY, Recording

OK = {"ok": True}
INFO = {
    "channels": {"presence-room": {"user_count": 1, "subscription_count": 2}, "my-channel": {"subscription_count": 1}}
}
BATCH = {"batch": [{"subscription_count": 0}, {}]}
FILTERED = {"channels": {"presence-room": {"user_count": 1}}}
ALL = {"channels": {"my-channel": {}, "presence-room": {}}}
ROOM = {"occupied": True, "user_count": 1, "subscription_count": 2}
USERS = {"users": [{"id": "u1"}]}


class ReplayTests(HttpCase):
    """Cases H-123 to H-125 without their webhooks."""

    def replay(self, recording: Recording, answers: dict[str, Any], *, user_id: str | None = None) -> list[str]:
        """Make the recorded calls on one connection; what the subscriber of both channels heard meanwhile."""
        second, requests = recording
        self.serve().clock.rightNow = float(second)
        listener = self.subscriber("my-channel", "presence-room", user_id="u1")
        self.subscriber("presence-room", user_id="u1")
        self.user = self.signed_in(user_id) if user_id else None
        listener.take()
        connection = RawConnection(self.server)
        self.assertEqual(list(requests), list(answers))
        for name, request in requests.items():
            self.assertJson(connection.ask(request), answers[name])
        self.assertFalse(connection.ended)
        return listener.take()

    def test_H123_php(self) -> None:
        """PHP: `trigger`, `triggerBatch`, `getChannels`, `getChannelInfo`, `getPresenceUsers`,
        `terminateUserConnections`, `webhook`."""
        heard = self.replay(
            PHP,
            {
                "trigger": OK,
                "trigger with params": INFO,
                "triggerBatch": BATCH,
                "getChannels filtered": FILTERED,
                "getChannels": ALL,
                "getChannelInfo": ROOM,
                "getPresenceUsers": USERS,
                "sendToUser": OK,
                "terminateUserConnections": OK,
            },
            user_id="auth0|42",
        )
        self.assertEqual(
            heard,
            [
                event_frame("my-event", "my-channel", '{"message":"hello <world> & \\u00fcn\\u00ef"}'),
                event_frame("my-event", "presence-room", '"text"'),
                event_frame("my-event", "my-channel", '"text"'),
            ],
        )
        assert self.user is not None
        self.user.take()
        self.assertEqual(self.user.closed, (4009, "You got disconnected by the app."))

    def test_H124_ruby(self) -> None:
        """Ruby: `trigger`, `trigger_batch`, `channels`, `channel_info`, `channel_users`, `webhook.valid?`."""
        heard = self.replay(
            RUBY,
            {
                "trigger": OK,
                "trigger with params": INFO,
                "trigger_batch": BATCH,
                "channels filtered": FILTERED,
                "channels": ALL,
                "channel_info": ROOM,
                "Channel#info": ROOM,
                "Channel#info without attributes": {"occupied": True},
                "channel_users": USERS,
            },
        )
        self.assertEqual(
            heard,
            [
                event_frame("my-event", "my-channel", '{"message":"hello <world> & ünï"}'),
                event_frame("my-event", "presence-room", "text"),
                event_frame("my-event", "my-channel", "text"),
            ],
        )

    def test_H125_go(self) -> None:
        """Go: `Trigger`, `TriggerBatch` with info, `Channels`, `Channel`, `GetChannelUsers`, `Webhook` with a
        `client_event`."""
        heard = self.replay(
            GO,
            {
                "Trigger": OK,
                "TriggerMultiWithParams": INFO,
                "TriggerBatch": BATCH,
                "Channels filtered": FILTERED,
                "Channels": ALL,
                "Channel": ROOM,
                "GetChannelUsers": USERS,
                "SendToUser": OK,
                "Channel of a user": {"occupied": False},
            },
            user_id="auth0|42",
        )
        self.assertEqual(
            heard,
            [
                event_frame("my-event", "my-channel", '{"message":"hello \\u003cworld\\u003e \\u0026 ünï"}'),
                event_frame("my-event", "presence-room", "text"),
                event_frame("my-event", "my-channel", "text"),
            ],
        )
        assert self.user is not None
        self.assertHeard(self.user, event_frame("my-event", "#server-to-user-auth0|42", "hi"))

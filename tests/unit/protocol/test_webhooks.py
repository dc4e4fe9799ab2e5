"""What is told to webhooks, byte for byte, without a wire (http-api.md 12)."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.interfaces import Fact
from sockudo_tx.protocol import webhooks
from sockudo_tx.protocol.app import App, Webhook, WebhookFilter

URL = "https://backend.example/hooks"


def app(*hooks: Webhook) -> App:
    return App(id="1", key="key", secret="secret", webhooks=hooks)


def hook(url: str | None = URL, types: tuple[str, ...] = ("channel_occupied",), **conditions: Any) -> Webhook:
    return Webhook(url=url, event_types=types, filter=WebhookFilter(**conditions) if conditions else None)


def hears(channel: str, **conditions: Any) -> bool:
    (one,) = webhooks.hooks_of(app(hook(**conditions)))
    return one.wants("channel_occupied", channel)


class EventTests(SynchronousTestCase):
    """`event_object`"""

    def test_documented(self) -> None:
        """The documented events, to the character."""
        client = Fact("client_event", "presence-room", "42", "client-typing", '{"on":true}', "123.456")
        for fact, text in (
            (Fact("channel_occupied", "my-channel"), '{"name":"channel_occupied","channel":"my-channel"}'),
            (
                Fact("member_added", "presence-room", user_id="42"),
                '{"name":"member_added","channel":"presence-room","user_id":"42"}',
            ),
            (
                client,
                (
                    '{"name":"client_event","channel":"presence-room","event":"client-typing",'
                    '"data":"{\\"on\\":true}","socket_id":"123.456","user_id":"42"}'
                ),
            ),
            (Fact("cache_miss", "cache-prices"), '{"name":"cache_miss","channel":"cache-prices"}'),
            (
                Fact("subscription_count", "orders", subscription_count=3),
                '{"name":"subscription_count","channel":"orders","subscription_count":3}',
            ),
            (
                Fact("subscription_count", "orders", subscription_count=0),
                '{"name":"subscription_count","channel":"orders","subscription_count":0}',
            ),
        ):
            self.assertEqual(webhooks.event_object(*fact), text)
            self.assertEqual(webhooks.event_name(text), fact.name)

    @given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
    def test_any_text(self, channel: str, data: str) -> None:
        """Whatever a channel or data holds, the event is JSON that says the same."""
        text = webhooks.event_object("client_event", channel, data=data)
        self.assertEqual(json.loads(text), {"name": "client_event", "channel": channel, "data": data})


class RequestTests(SynchronousTestCase):
    """Body, signature and headers"""

    def test_body(self) -> None:
        """Two members, the time first, nothing between them."""
        events = ['{"name":"channel_occupied","channel":"ö"}', '{"name":"cache_miss","channel":"b"}']
        text = (
            '{"time_ms":1327078148132,"events":[{"name":"channel_occupied","channel":"ö"},'
            '{"name":"cache_miss","channel":"b"}]}'
        )
        self.assertEqual(webhooks.body(1327078148132, events), text.encode())

    def test_signature(self) -> None:
        """The signature is of exactly these bytes, with the app's secret."""
        content = b'{"time_ms":1,"events":[]}'
        headers = dict(webhooks.post_headers(app(), "0" * 32, content, {}))
        self.assertEqual(headers["X-Pusher-Signature"], hmac.new(b"secret", content, hashlib.sha256).hexdigest())
        self.assertEqual((headers["X-Pusher-Key"], headers["X-Sockudo-Delivery"]), ("key", "0" * 32))

    def test_H103_headers(self) -> None:
        """An app's headers are added, and cannot replace ours in any spelling."""
        own = {"content-TYPE": "text/plain", "host": "evil", "X-PUSHER-KEY": "x", "Content-Length": "1", "X-Mine": "y"}
        headers = webhooks.post_headers(app(), "0" * 32, b"", own)
        names = [name.lower() for name, _ in headers]
        self.assertEqual(sorted(names), sorted(set(names)))
        self.assertIn(("Content-Type", "application/json"), headers)
        self.assertEqual(headers[-1], ("X-Mine", "y"))

    def test_chunks(self) -> None:
        """250 events of at most 100 are three deliveries, in order; 0 counts as 1."""
        events = [str(number) for number in range(250)]
        pieces = list(webhooks.chunks(events, 100))
        self.assertEqual([len(piece) for piece in pieces], [100, 100, 50])
        self.assertEqual([event for piece in pieces for event in piece], events)
        self.assertEqual(len(list(webhooks.chunks(events, 0))), 250)


class HookTests(SynchronousTestCase):
    """`hooks_of` and filters"""

    def test_H111_filters(self) -> None:
        """A hook hears the types it lists, of channels for which every given condition holds."""
        (one,) = webhooks.hooks_of(app(hook(types=("cache_miss", "no_such"))))
        self.assertEqual((one.wants("cache_miss", "a"), one.wants("channel_occupied", "a")), (True, False))
        for conditions, yes, no in (
            ({"channel_prefix": "presence-"}, ["presence-a"], ["private-presence-a", "a"]),
            ({"channel_suffix": "-eu"}, ["a-eu"], ["a-eu-1"]),
            ({"channel_pattern": "room-[0-9]+"}, ["presence-room-7", "room-1-x"], ["room-x", "ROOM-1"]),
            ({"channel_pattern": "^a$"}, ["a"], ["ab", "ba"]),
            ({"channel_prefix": "a", "channel_suffix": "z", "channel_pattern": "m"}, ["amz"], ["az", "am", "mz"]),
            ({"channel_pattern": "("}, [], ["(", "a", ""]),
            ({"channel_pattern": "ö"}, ["größe"], ["grosse"]),
        ):
            for channel in yes:
                self.assertTrue(hears(channel, **conditions), (channel, conditions))
            for channel in no:
                self.assertFalse(hears(channel, **conditions), (channel, conditions))

    def test_hostile_pattern(self) -> None:
        """A pattern that takes others for ever is answered; the test would not end."""
        for pattern in ("^(a+)+$", "(a|aa)+$", "(.*)*(.*)*(.*)*x", "(a?){200}a{200}$"):
            self.assertFalse(hears("a" * 199 + "!", channel_pattern=pattern))

    def test_names(self) -> None:
        """A hook's name is its address; more hooks of one address are told apart and share an endpoint."""
        record = app(hook(), hook(None), hook("http://b"), hook())
        names = [one.name for one in webhooks.hooks_of(record)]
        self.assertEqual(names, [URL, "http://b", f"{URL} #2"])
        self.assertEqual({webhooks.endpoint(name) for name in names}, {URL, "http://b"})
        found = webhooks.hook_named(record, names[2])
        self.assertIs(found and found.webhook, record.webhooks[3])
        self.assertIsNone(webhooks.hook_named(record, "http://c"))

    def test_functions(self) -> None:
        """A Lambda function's hook is named by region and function; an address of the same webhook goes before it."""
        function = Webhook(lambda_name="fn", lambda_region="eu-west-1")
        odd = Webhook(lambda_name="a fn", lambda_region="eu-west-1")
        both = Webhook(url=URL, lambda_name="fn", lambda_region="eu-west-1")
        record = app(function, odd, both, function)
        names = [one.name for one in webhooks.hooks_of(record)]
        first = "lambda:eu-west-1:fn"
        self.assertEqual(names, [first, "lambda:eu-west-1:a%20fn", URL, f"{first} #2"])
        self.assertEqual([webhooks.endpoint(name) for name in names], [first, names[1], URL, first])
        self.assertEqual(webhooks.safe_name(names[3]), first)
        self.assertEqual([one.name for one in webhooks.hooks_of(record, functions=False)], [URL])

    def test_safe_names(self) -> None:
        """What the log says of a hook holds no secret."""
        self.assertEqual(webhooks.safe_name("https://u:p@h:8/a?token=x#y #2"), "https://h:8/a")


class BackoffTests(SynchronousTestCase):
    """`backoff`"""

    def test_doubles(self) -> None:
        """1, 2, 4 … 32, then 60 for ever; jitter moves it by a fifth at most."""
        waits = [webhooks.backoff(attempt, 1, 60) for attempt in range(1, 10)]
        self.assertEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60])
        self.assertEqual(webhooks.backoff(10**9, 1, 60), 60)
        self.assertEqual((webhooks.backoff(1, 10, 60, 1), webhooks.backoff(1, 10, 60, -1)), (12, 8))

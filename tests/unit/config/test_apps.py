"""App records: what is read, what is refused, and that nothing is lost on the way."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.config.apps import AppFault, Notes, app_record, parse_app
from sockudo_tx.protocol.app import App, Webhook, WebhookFilter

from .cases import APP


class AppCase(SynchronousTestCase):
    def app(self, **members: Any) -> App:
        """The app with these members beside its credentials."""
        return parse_app({**APP, **members})

    def faults(self, **members: Any) -> list[str]:
        """Why the app with these members is refused."""
        return list(self.assertRaises(AppFault, self.app, **members).faults)

    def notes(self, **members: Any) -> Notes:
        """What is noted about an app that is fine."""
        notes = Notes()
        parse_app({**APP, **members}, notes)
        return notes


class ParseTests(AppCase):
    """`parse_app`"""

    def test_C49_credentials_only(self) -> None:
        """Everything but the credentials may be left out."""
        app = self.app()
        self.assertEqual((app.enabled, app.max_connections, app.max_client_events_per_second), (True, 100, 100))
        self.assertIsNone(app.max_event_payload_in_kb)
        self.assertEqual(app.allowed_origins, ())

    def test_C50_numbers(self) -> None:
        """Numbers may be texts of digits; optional ones null or empty."""
        app = self.app(max_connections="250", max_event_payload_in_kb="", max_event_batch_size=None)
        self.assertEqual(
            (app.max_connections, app.max_event_payload_in_kb, app.max_event_batch_size), (250, None, None)
        )

    def test_bad_numbers(self) -> None:
        """Negative, fractional and other numbers refuse the app."""
        value: Any
        for value in (-1, 1.5, 1.0, True, "1.5", "-1", " 1", "٣", [], {}, 2**32, "9" * 5000):
            self.assertEqual(len(self.faults(max_connections=value)), 1, value)
            self.assertEqual(len(self.faults(max_event_batch_size=value)), 1, value)
        self.assertEqual(len(self.faults(max_connections=None)), 1)
        self.assertEqual(len(self.faults(max_connections="")), 1)

    def test_flags(self) -> None:
        """Flags may be words; those that the reference may leave out, null too."""
        self.assertTrue(self.app(enable_client_messages="YES").enable_client_messages)
        self.assertFalse(self.app(enabled="off").enabled)
        self.assertFalse(self.app(enable_watchlist_events=None).enable_watchlist_events)
        value: Any
        for value in (None, 1, "maybe", []):
            self.assertEqual(len(self.faults(enabled=value)), 1, value)

    def test_credentials(self) -> None:
        """Credentials are texts that are not empty; all that is wrong is told at once."""
        self.assertEqual(len(self.faults(id="", key=7, secret=None)), 3)
        self.assertIn("quotation marks", self.faults(id=123)[0])
        self.assertEqual(len(self.assertRaises(AppFault, parse_app, {}).faults), 3)
        self.assertRaises(AppFault, parse_app, [])

    def test_origins(self) -> None:
        """Origin patterns are checked; null and an empty list mean everybody."""
        self.assertEqual(self.app(allowed_origins=["*.a.com", "*"]).allowed_origins, ("*.a.com", "*"))
        self.assertEqual(self.app(allowed_origins=None).allowed_origins, ())
        self.assertEqual(len(self.faults(allowed_origins=["*.*.com", "", "ok"])), 2)
        self.assertEqual(len(self.faults(allowed_origins="https://a.com")), 1)

    def test_C53_delta(self) -> None:
        """Delta settings are words in any letter case, or objects; anything else refuses the app."""
        entries = {
            "a": "Fossil",
            "b": {"algorithm": "Xdelta3", "conflation_key": "k"},
            "c": "inherit",
            "d": "VCDIFF",
            "e": {},
        }
        self.assertEqual(
            self.app(channel_delta_compression=entries).channel_delta_compression,
            {
                "a": "fossil",
                "b": {"algorithm": "xdelta3", "conflation_key": "k"},
                "c": "inherit",
                "d": "xdelta3",
                "e": {},
            },
        )
        self.assertEqual(len(self.faults(channel_delta_compression={"a": "zip", "b": 1, "c": {"algorithm": None}})), 3)
        self.assertEqual(len(self.faults(channel_delta_compression=[])), 1)

    def test_delta_members(self) -> None:
        """Members of a delta entry have types; an unknown one is noted with its place."""
        good = {"enabled": False, "enable_tags": None, "conflation_key": None, "max_messages_per_key": 0}
        self.assertEqual(self.app(channel_delta_compression={"a*": good}).channel_delta_compression, {"a*": good})
        for name, value in (
            ("enabled", "yes"),
            ("enable_tags", 1),
            ("max_messages_per_key", -1),
            ("max_conflation_keys", True),
            ("min_message_size", 1.5),
            ("conflation_key", 5),
            ("algorithm", "zip"),
        ):
            (fault,) = self.faults(channel_delta_compression={"a*": {name: value}})
            self.assertIn(f"'a*': `{name}` must be", fault)
        notes = self.notes(channel_delta_compression={"a*": {"algoritm": "fossil"}})
        self.assertEqual([path for path, _ in notes.unknown], ["channel_delta_compression.'a*'.algoritm"])

    def test_idempotency(self) -> None:
        """An app may have its own idempotency."""
        app = self.app(idempotency={"enabled": False, "ttl_seconds": 5})
        self.assertEqual((app.idempotency_enabled, app.idempotency_ttl_seconds), (False, 5))
        self.assertIsNone(self.app(idempotency={"enabled": None}).idempotency_enabled)
        self.assertEqual(len(self.faults(idempotency=True)), 1)

    def test_aliases(self) -> None:
        """The shorter names of older files are read; the full name wins."""
        app = self.app(max_client_events_per_sec=1, max_read_req_per_sec=2, max_backend_events_per_sec=3)
        found = (app.max_client_events_per_second, app.max_read_requests_per_second, app.max_backend_events_per_second)
        self.assertEqual(found, (1, 2, 3))
        both = self.app(max_client_events_per_sec=1, max_client_events_per_second=9)
        self.assertEqual(both.max_client_events_per_second, 9)

    def test_C56_policy(self) -> None:
        """The shape of 5.0.1 is read: limits inside `policy` count and flat ones do not."""
        app = self.app(
            max_connections=1,
            enabled=False,
            policy={
                "limits": {"max_connections": 7},
                "features": {"enable_client_messages": True},
                "channels": {"allowed_origins": ["a.com"]},
                "webhooks": [{"url": "https://h", "event_types": ["member_added"]}],
            },
        )
        self.assertEqual((app.max_connections, app.enable_client_messages, app.enabled), (7, True, False))
        self.assertEqual(app.allowed_origins, ("a.com",))
        self.assertEqual(app.webhooks[0].url, "https://h")
        self.assertEqual(self.app(max_connections=1, policy=None).max_connections, 1)
        self.assertEqual(len(self.faults(policy=[])), 1)

    def test_unknown(self) -> None:
        """Unknown members are noted, wherever they are."""
        notes = self.notes(
            colour="red",
            idempotency={"x": 1},
            webhooks=[{"event_types": [], "url": "http://h", "retries": 3, "filter": {"prefix": "a"}}],
        )
        self.assertEqual(
            [path for path, _ in notes.unknown],
            ["colour", "idempotency.x", "webhooks[0].retries", "webhooks[0].filter.prefix"],
        )
        policy = self.notes(policy={"limits": {"x": 1}, "history": {}, "channels": 5})
        self.assertEqual([path for path, _ in policy.unknown], ["policy.limits.x", "policy.history", "policy.channels"])


class WebhookTests(AppCase):
    """`webhooks`"""

    def hook(self, **members: Any) -> Webhook:
        return self.app(webhooks=[{"url": "https://h", "event_types": ["member_added"], **members}]).webhooks[0]

    def bad(self, **members: Any) -> str:
        (fault,) = self.faults(webhooks=[{"url": "https://h", "event_types": [], **members}])
        return fault

    def test_whole(self) -> None:
        """All members are read."""
        hook = self.hook(filter={"channel_prefix": "a", "channel_suffix": None}, headers={"X-A": "b c"})
        self.assertEqual(hook.filter, WebhookFilter(channel_prefix="a"))
        self.assertEqual((hook.headers, hook.event_types), ({"X-A": "b c"}, ("member_added",)))

    def test_C55_wrapped_headers(self) -> None:
        """Headers wrapped in a member of their own name are the same headers."""
        self.assertEqual(self.hook(headers={"headers": {"A": "b"}}).headers, {"A": "b"})
        self.assertEqual(self.hook(headers={"headers": "b"}).headers, {"headers": "b"})

    def test_lambda(self) -> None:
        """A function needs name and region; the older form means us-east-1 and is warned of."""
        hook = self.hook(**{"url": None, "lambda": {"function_name": "f", "region": "eu-west-1"}})
        self.assertEqual((hook.lambda_name, hook.lambda_region), ("f", "eu-west-1"))
        self.assertEqual(self.hook(lambda_function="f").lambda_region, "us-east-1")
        self.assertIn("deprecated", self.notes(webhooks=[{"event_types": [], "lambda_function": "f"}]).warnings[0])
        self.assertIn("region", self.bad(**{"lambda": {"function_name": "f"}}))

    def test_refused(self) -> None:
        """What cannot be sent refuses the app."""
        for url in ("h", "/x", "ftp://h", "https://", "https://h:x/", "https://a b/", "http://[::1", "https://h\n", 5):
            self.assertIn("`webhooks[0].url`", self.bad(url=url))
        self.assertIn("event_types", self.bad(event_types=None))
        self.assertIn("event_types", self.bad(event_types=[1]))
        self.assertIn("filter", self.bad(filter=[]))
        self.assertIn("channel_prefix", self.bad(filter={"channel_prefix": 1}))
        headers: Any
        for headers in ([], {"a": 1}, {"a b": "c"}, {"a": "b\r\nc: d"}, {"": ""}):
            self.assertIn("headers", self.bad(headers=headers))
        self.assertEqual(len(self.faults(webhooks={})), 1)
        self.assertEqual(len(self.faults(webhooks=["x", 1])), 2)

    def test_all_faults(self) -> None:
        """Every fault of a webhook is told, by the path of its member."""
        hook = {
            "url": "ftp://h",
            "event_types": "member_added",
            "lambda": {"function_name": 5},
            "filter": {"channel_prefix": 1, "channel_pattern": 2},
            "headers": {"a": 1},
        }
        faults = self.faults(webhooks=[{"url": "https://h", "event_types": []}, hook])
        members = ("url", "lambda.function_name", "event_types", "filter.channel_prefix", "filter.channel_pattern")
        paths = [fault.split("`")[1] for fault in faults]
        self.assertEqual(paths, [f"webhooks[1].{member}" for member in (*members, "headers")])

    def test_warned(self) -> None:
        """What will do nothing is warned of."""
        for hook in (
            {"event_types": ["member_added"]},
            {"event_types": ["no_such_event"], "url": "http://h"},
            {"event_types": [], "url": "http://h", "filter": {"channel_pattern": "("}},
            {"event_types": [], "url": "http://h", "headers": {"X-A": "b", "content-type": "c", "Expect": "d"}},
        ):
            self.assertEqual(len(self.notes(webhooks=[hook]).warnings), 1, hook)

    def test_odd_pattern(self) -> None:
        """A regular expression of doubtful style is one, and Python's advice on it is not ours to give."""
        self.assertEqual(
            self.notes(
                webhooks=[{"event_types": [], "url": "http://h", "filter": {"channel_pattern": "[[a]"}}]
            ).warnings,
            [],
        )


LIMIT = st.none() | st.integers(0, 2**32 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
HOOKS = st.builds(
    Webhook,
    url=st.none() | st.just("https://h/x"),
    lambda_name=st.none() | TEXT,
    lambda_region=st.just("eu-west-1"),
    event_types=st.lists(TEXT, max_size=2).map(tuple),
    filter=st.none() | st.builds(WebhookFilter, channel_prefix=st.none() | TEXT),
    headers=st.dictionaries(st.sampled_from(["A", "headers"]), st.text("abc ", max_size=3), max_size=2),
).map(lambda hook: hook if hook.lambda_name else Webhook(**{**_members(hook), "lambda_region": None}))


def _members(hook: Webhook) -> dict[str, Any]:
    return {name: getattr(hook, name) for name in hook.__struct_fields__}


class RecordTests(AppCase):
    """`app_record`"""

    @given(
        st.builds(
            App,
            id=TEXT,
            key=TEXT,
            secret=TEXT,
            enabled=st.booleans(),
            max_connections=st.integers(0, 2**32 - 1),
            max_event_batch_size=LIMIT,
            allowed_origins=st.lists(st.sampled_from(["*", "a.com", "*.b.c"]), max_size=2).map(tuple),
            webhooks=st.lists(HOOKS, max_size=2).map(tuple),
            channel_delta_compression=st.none() | st.just({"a*": "fossil", "b": {"enabled": False}}),
            idempotency_enabled=st.none() | st.booleans(),
            idempotency_ttl_seconds=LIMIT,
        )
    )
    def test_round_trip(self, app: App) -> None:
        """An app survives being written and read."""
        self.assertEqual(parse_app(app_record(app)), app)

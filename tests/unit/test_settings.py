"""What the parts take from the configuration, where that is more than a name and a unit."""

from __future__ import annotations

import resource
from math import inf
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.config.load import load
from sockudo_tx.settings import listener_settings, rate_limit_settings, websocket_settings
from sockudo_tx.transports.rest.settings import LimitSettings, RateLimitSettings
from sockudo_tx.transports.slowness import SlowConsumers
from tests.unit.test_service import loaded


def limits(**variables: str) -> RateLimitSettings:
    """Those of these variables."""
    return rate_limit_settings(load(None, variables, "/nonexistent").config.rate_limiter)


class RateLimitTests(SynchronousTestCase):
    """`rate_limit_settings`"""

    def test_built_in(self) -> None:
        """Off; switched on, 100 calls a minute, upgrades among them, and nobody's headers are believed."""
        self.assertFalse(limits().enabled)
        found = limits(RATE_LIMITER_ENABLED="true")
        self.assertEqual(found, RateLimitSettings(enabled=True, api=LimitSettings(max_requests=100, window=60, hops=0)))

    def test_H84_own_limit(self) -> None:
        """Upgrades have a limit of their own as soon as one member of it is set; the others are as documented."""
        found = limits(RATE_LIMITER_WS_MAX_REQUESTS="2").websocket
        self.assertEqual(found, LimitSettings(max_requests=2, window=60, hops=0))
        found = limits(RATE_LIMITER_WS_WINDOW_SECONDS="5").websocket
        self.assertEqual(found, LimitSettings(max_requests=20, window=5, hops=0))

    def test_hops(self) -> None:
        """Proxies in front of the API are in front of WebSockets too, unless somebody says otherwise."""
        found = limits(RATE_LIMITER_API_TRUST_HOPS="2", RATE_LIMITER_WS_MAX_REQUESTS="2").websocket
        self.assertEqual(found and found.hops, 2)
        found = limits(RATE_LIMITER_API_TRUST_HOPS="2", RATE_LIMITER_WS_TRUST_HOPS="0").websocket
        self.assertEqual(found and found.hops, 0)


class WebSocketTests(SynchronousTestCase):
    """`websocket_settings`"""

    def test_message_rate(self) -> None:
        """How many messages a connection may send is not limited unless somebody says so."""
        config = load(None, {}, "/nonexistent").config
        self.assertEqual(websocket_settings(config).max_messages_per_second, 0)
        config = load(None, {"WEBSOCKET_MAX_INBOUND_MESSAGES_PER_SECOND": "50"}, "/nonexistent").config
        self.assertEqual(websocket_settings(config).max_messages_per_second, 50)


class SlowConsumerTests(SynchronousTestCase):
    """What may wait for a client that does not read, from the configuration to the queues."""

    def test_limits(self) -> None:
        """Each limit, `none`, 0 and nothing at all reach the queues as they are meant: without both it is 1000."""
        no_limit: tuple[Any, ...] = (None, 0, "none")
        for messages, size, expected in (
            (100, 65536, (100, 65536)),
            *((none, 65536, (inf, 65536)) for none in no_limit),
            *((100, none, (100, inf)) for none in no_limit),
            *((none, none, (1000, inf)) for none in no_limit),
        ):
            websocket = {"max_messages": messages, "max_bytes": size}
            settings = websocket_settings(loaded(websocket=websocket).config)
            slow = SlowConsumers(Clock())
            slow.adjust(settings.max_messages, settings.max_bytes, settings.max_backpressure, disconnect=False)
            self.assertEqual((slow.max_messages, slow.max_bytes), expected, (messages, size))

    def test_at_once(self) -> None:
        """`max_backpressure` lowers what is handed over at once, and raises it never above 64 KiB."""
        for value, expected in (("1048576", 65536), ("16384", 16384)):
            settings = websocket_settings(load(None, {"WEBSOCKET_MAX_BACKPRESSURE": value}, "/nonexistent").config)
            slow = SlowConsumers(Clock(), max_backpressure=settings.max_backpressure)
            self.assertEqual(slow.at_once, expected)


class ListenerTests(SynchronousTestCase):
    """`listener_settings`"""

    def found(self, **variables: str) -> Any:
        return listener_settings(load(None, variables, "/nonexistent").config)

    def test_pending_and_files(self) -> None:
        """Those who have not spoken never get more than half of the files."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limit)
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, limit[1]))
        self.assertEqual(self.found().max_pending, 100)
        self.assertEqual(self.found(LISTENER_MAX_PENDING="50").max_pending, 50)
        self.assertEqual(self.found(LISTENER_MAX_PENDING="0").max_pending, 0)

    def test_proxies_are_not_counted(self) -> None:
        """Where proxies name clients in headers, their own connections are not limited; with PROXY headers they are
        the clients'."""
        limit = {"LISTENER_MAX_CONNECTIONS_PER_ADDRESS": "5"}
        self.assertEqual(self.found(**limit).max_connections_per_address, 5)
        limit["RATE_LIMITER_API_TRUST_HOPS"] = "1"
        self.assertEqual(self.found(**limit).max_connections_per_address, 0)
        self.assertEqual(self.found(**limit, LISTENER_PROXY_PROTOCOL="true").max_connections_per_address, 5)

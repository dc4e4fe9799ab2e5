"""What a server tells Prometheus of its parts: each number under its own name."""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.backends.hub.link import HubLink
from sockudo_tx.config.load import load
from sockudo_tx.listening import OptionalListener
from sockudo_tx.service import make_service
from sockudo_tx.transports.metrics.packing import unpack
from sockudo_tx.watchdog import Watchdog
from tests.http.scrape import read


class SourcesTests(SynchronousTestCase):
    """`metrics_services`"""

    def test_each_its_own(self) -> None:
        """Counts of the port, the reactor and of reloads are not taken for each other."""
        text = b'{"host": "127.0.0.1", "port": 0, "metrics": {"host": "127.0.0.1", "port": 9601}}'
        clock = MemoryReactorClock()
        server = make_service(load("test.json", {}, "/", read=lambda path: text), clock)
        (listener,) = [child for child in server if isinstance(child, OptionalListener)]
        (watchdog,) = [child for child in server if isinstance(child, Watchdog)]
        port: Any = server.listeners[0]._factory
        pending, slow, reloads = port.pending, port.websockets.slow, server.reloads
        pending.dropped, pending.late, port.site.api.crowd.refused = 3, 4, 5
        watchdog.beats.stalls, slow.dropped, slow.disconnected = 6, 7, 8
        reloads.done, reloads.refused, reloads.last_at, reloads.last_ok = 9, 10, 11.0, False
        pending.begin(object())
        leaving: Any = server.engine._connections.leaving
        leaving._waiting.extend([None, None])
        self.assertEqual(
            {name: value for name, value in self.scraped(listener, clock).items() if value},
            {
                'sockudo_cleanup_backlog{port="9601"}': 2,
                'sockudo_connections_refused_total{port="9601",reason="pending_limit"}': 3,
                'sockudo_connections_refused_total{port="9601",reason="late_head"}': 4,
                'sockudo_connections_refused_total{port="9601",reason="address_limit"}': 5,
                'sockudo_reactor_stalls_total{port="9601"}': 6,
                'sockudo_slow_consumer_dropped_total{port="9601"}': 7,
                'sockudo_slow_consumer_disconnected_total{port="9601"}': 8,
                'sockudo_config_reloads_total{port="9601",result="done"}': 9,
                'sockudo_config_reloads_total{port="9601",result="refused"}': 10,
                'sockudo_config_last_reload_timestamp_seconds{port="9601"}': 11,
                'sockudo_pending_connections{port="9601"}': 1,
            },
        )

    def test_proxies(self) -> None:
        """Who is no proxy, or sends no header, is counted as refused, on the encrypted side as on the other."""
        text = b'{"port": 0, "listener": {"proxy_protocol": true}, "metrics": {"host": "127.0.0.1", "port": 9601}}'
        clock = MemoryReactorClock()
        server = make_service(load("test.json", {}, "/", read=lambda path: text), clock)
        (listener,) = [child for child in server if isinstance(child, OptionalListener)]
        front: Any = server.listeners[0]._factory
        front.refused, front.broken = 2, 3
        self.assertEqual(
            {name: value for name, value in self.scraped(listener, clock).items() if value},
            {
                'sockudo_connections_refused_total{port="9601",reason="unknown_proxy"}': 2,
                'sockudo_connections_refused_total{port="9601",reason="proxy_header"}': 3,
            },
        )

    def test_alone(self) -> None:
        """One process tells nothing of workers and of other nodes."""
        text = b'{"port": 0, "metrics": {"host": "127.0.0.1", "port": 9601}}'
        clock = MemoryReactorClock()
        server = make_service(load("test.json", {}, "/", read=lambda path: text), clock)
        (listener,) = [child for child in server if isinstance(child, OptionalListener)]
        site: Any = listener._factory
        page = site.resource._pages.page()
        while not page.called:
            clock.advance(0)
        families = re.findall(r"^# TYPE (\S+)", self.successResultOf(page).decode(), re.MULTILINE)
        others = ("worker", "bus_", "authority_", "mirror", "node_", "cluster_", "hub_", "horizontal_", "redis_")
        self.assertEqual([name for name in families if name.removeprefix("sockudo_").startswith(others)], [])
        self.assertGreaterEqual(len(families), 20)

    def test_worker(self) -> None:
        """A worker opens no port for them, and answers when it is asked."""
        text = b'{"port": 0, "metrics": {"host": "127.0.0.1", "port": 9601}}'
        clock = MemoryReactorClock()
        loaded = load("test.json", {}, "/", read=lambda path: text)
        link = HubLink(0, 1, "0123456789abcdef", clock, lambda function: clock.callLater(0, function))
        server = make_service(loaded, clock, link=link)
        self.assertEqual([child for child in server if isinstance(child, OptionalListener)], [])
        answer = link.answers["metrics"]()
        assert isinstance(answer, Deferred)
        while not answer.called:
            clock.advance(0)
        told = {family.name for samples in unpack(self.successResultOf(answer)) for family, _, _ in samples}
        self.assertLessEqual({"process_cpu_seconds_total", "reactor_lag_ms", "bus_up", "mirrors"}, told)
        self.assertNotIn("webhook_queue_depth", told)

    def scraped(self, listener: Any, clock: MemoryReactorClock) -> dict[str, float]:
        """The samples of a page, without those of the process and of what runs."""
        page = listener._factory.resource._pages.page()
        while not page.called:
            clock.advance(0)
        found = read(self.successResultOf(page).decode())
        return {name: value for name, value in found.items() if not name.startswith(("process_", "sockudo_build"))}

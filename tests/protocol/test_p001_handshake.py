"""Handshake and connection."""

from __future__ import annotations

import json
import pathlib
import re
import tempfile

from sockudo_tx.config.load import ConfigError, load
from sockudo_tx.engine.settings import EngineSettings
from sockudo_tx.testing import fixture_app

from .case import ProtocolCase, error

QUOTA = "Application is over connection quota"


class HandshakeTests(ProtocolCase):
    """From the HTTP upgrade to `connection_established`."""

    def live(self) -> int:
        """Connections the server counts."""
        return int(self.server.request("GET", "/stats", signed=False).json["totals"]["connections"])

    def test_P1_first_frame(self) -> None:
        """Given a valid key, when connecting to `/app/key?protocol=7&client=js&version=8.0.0&flash=false`, then 101
        and the first frame is `connection_established` with string `data`."""
        client = self.server.connect("/app/key?protocol=7&client=js&version=8.0.0&flash=false")
        frames = client.json()
        self.assertEqual(client.status, 101)
        self.assertEqual(len(frames), 1)
        self.assertEqual(list(frames[0]), ["event", "data"])
        self.assertEqual(frames[0]["event"], "pusher:connection_established")
        self.assertIsInstance(frames[0]["data"], str)

    def test_P2_established_members(self) -> None:
        """Given 1, then the inner object has exactly `socket_id` and `activity_timeout`, in that order, and
        `activity_timeout` is the integer 120."""
        client = self.server.connect()
        (text,) = client.take()
        socket_id = client.established
        inner = f'{{\\"socket_id\\":\\"{socket_id}\\",\\"activity_timeout\\":120}}'
        self.assertEqual(text, f'{{"event":"pusher:connection_established","data":"{inner}"}}')

    def test_P3_socket_ids(self) -> None:
        """Given 1000 connections, then every socket id matches `^\\d+\\.\\d+$`, each half ≤ 10000000000, all
        distinct."""
        ids = [self.server.connect().established for _ in range(1000)]
        self.assertEqual(len(set(ids)), 1000)
        for socket_id in ids:
            self.assertRegex(socket_id, re.compile(r"\A[0-9]+\.[0-9]+\Z"))
            self.assertLessEqual(max(int(half) for half in socket_id.split(".")), 10_000_000_000)

    def test_P4_no_query(self) -> None:
        """Given no query string at all, when connecting, then established."""
        self.assertTrue(self.server.connect("/app/key").established)

    def test_P5_protocol_numbers(self) -> None:
        """Given `protocol=5`, `protocol=4` or `protocol=99`, when connecting, then established."""
        for number in (5, 4, 99):
            self.assertTrue(self.server.connect(f"/app/key?protocol={number}").established)

    def test_P6_bad_protocol_numbers(self) -> None:
        """Given `protocol=abc` or `protocol=300`, when connecting, then HTTP 400 and no upgrade."""
        for text in ("abc", "300", "-1", "7.0", "", "7&protocol=7"):
            client = self.server.connect(f"/app/key?protocol={text}")
            self.assertEqual((text, client.status, client.take()), (text, 400, []))

    def test_P7_trailing_slash(self) -> None:
        """Given `/app/key/`, when connecting, then established."""
        self.assertTrue(self.server.connect("/app/key/").established)
        self.assertTrue(self.server.connect("/app/key/?protocol=7").established)

    def test_P7_escaped_key(self) -> None:
        """The key is percent-decoded once and compared exactly."""
        self.assertTrue(self.server.connect("/app/%6Bey").established)
        self.assertEqual(self.server.connect("/app/KEY").json()[0]["data"]["code"], 4001)
        self.assertEqual(self.server.connect("/app/%256Bey").json()[0]["data"]["code"], 4001)

    def test_P8_no_such_path(self) -> None:
        """Given `/app/` or `/other/key`, when connecting, then HTTP 404."""
        for path in ("/app/", "/app", "/other/key", "/app/key/more", "/"):
            self.assertEqual((path, self.server.connect(path).status), (path, 404))

    def test_P9_no_upgrade_headers(self) -> None:
        """Given a plain GET of `/app/key` without upgrade headers, then HTTP 400."""
        self.assertEqual(self.server.request("GET", "/app/key", signed=False).status, 400)

    def test_P9_incomplete_upgrade_headers(self) -> None:
        """An upgrade that lacks one of its headers, or has a wrong one, is answered 400 and not upgraded."""
        wrong: tuple[tuple[str, str | None], ...] = (
            ("Upgrade", None),
            ("Upgrade", "h2c"),
            ("Connection", None),
            ("Connection", "keep-alive"),
            ("Sec-WebSocket-Key", None),
            ("Sec-WebSocket-Version", None),
            ("Sec-WebSocket-Version", "8"),
        )
        for name, value in wrong:
            client = self.server.connect(headers={name: value})
            self.assertEqual((name, value, client.status), (name, value, 400))
        self.assertTrue(self.server.connect(headers={"Connection": "keep-alive, Upgrade"}).established)
        self.assertTrue(self.server.connect(headers={"Upgrade": "WebSocket"}).established)

    def test_P10_unknown_key(self) -> None:
        """Given an unknown key, when connecting, then 101, E(4001,`Application does not exist`), then Close 4001 with
        that reason, and no `connection_established`."""
        client = self.server.connect("/app/nobody")
        self.assertEqual(client.status, 101)
        self.assertClosed(client, 4001, "Application does not exist")

    def test_P11_disabled_app(self) -> None:
        """Given a disabled app, when connecting, then E(4003,`Application disabled`), then Close 4003."""
        self.serve(enabled=False)
        self.assertClosed(self.server.connect(), 4003, "Application disabled")

    def test_P12_quota(self) -> None:
        """Given `max_connections` 1 and one live connection, when a second connects, then E(4004,`Application is over
        connection quota`), Close 4004; after the first disconnects a third is established."""
        self.serve(max_connections=1)
        first = self.client()
        self.assertClosed(self.server.connect(), 4004, QUOTA)
        first.close()
        third = self.client()
        third.cut()
        self.assertTrue(self.server.connect().established)

    def test_P13_rejected_sockets_do_not_count(self) -> None:
        """Given case 12 and 10 further rejected connections, then the live count is still 1 (rejected sockets never
        count)."""
        self.serve(max_connections=1)
        first = self.client()
        for _ in range(11):
            self.assertEqual(self.server.connect().take(), [error(4004, QUOTA)])
        self.assertEqual(self.live(), 1)
        self.assertUsable(first)
        first.cut()
        self.assertTrue(self.server.connect().established)
        self.assertEqual(self.live(), 1)

    def test_P14_subprotocol(self) -> None:
        """Given the client offers sub-protocols `foo, bar`, then the response selects `foo`; given none, then no
        `Sec-WebSocket-Protocol` header."""
        client = self.server.connect(protocols=["foo", "bar"])
        self.assertTrue(client.established)
        self.assertEqual(client.headers["sec-websocket-protocol"], "foo")
        self.assertNotIn("sec-websocket-protocol", self.server.connect().headers)

    def test_P15_activity_timeout(self) -> None:
        """Given `activity_timeout` 30 configured, then `connection_established` says 30; given 0, then the server
        refuses to start."""
        self.make(settings=EngineSettings(activity_timeout=30))
        (established,) = self.server.connect().json()
        self.assertEqual(json.loads(established["data"])["activity_timeout"], 30)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "config.json"
            self.assertRaises(ConfigError, load, None, {"ACTIVITY_TIMEOUT": "0"}, folder, False)
            for value in (0, -1):
                path.write_text(json.dumps({"activity_timeout": value}))
                self.assertRaises(ConfigError, load, str(path), {}, folder, False)

    def test_P16_no_compression(self) -> None:
        """Given `websocket.compression` `disabled` and a client offering permessage-deflate, then no extension is
        negotiated."""
        client = self.server.connect(headers={"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"})
        self.assertTrue(client.established)
        self.assertNotIn("sec-websocket-extensions", client.headers)

    def test_P16_two_apps(self) -> None:
        """Two apps on one server never meet: same channel, other app, nothing received."""
        self.make(apps=[fixture_app(), fixture_app(id="other", key="other", secret="other")])
        ours, theirs = self.client(), self.client(key="other")
        ours.subscribe("news")
        theirs.subscribe("news")
        self.server.publish("news", "e")
        self.assertEqual(len(ours.take()), 1)
        self.assertSilent(theirs)

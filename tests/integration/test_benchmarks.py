"""The programs the benchmarks measure with; what they measure is for `make bench` to say."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import ExitStack, closing

import pytest

from benchmarks.figures import FIGURES
from benchmarks.harness.client import Talker, connect_wave, events, masked, post
from benchmarks.harness.fanout import Fanout
from benchmarks.harness.floor import floor
from benchmarks.harness.process import Child, python
from benchmarks.harness.publisher import Publisher
from tests.integration.launch import ROOT

needs_compiler = pytest.mark.skipif(not (shutil.which("cc") or shutil.which("gcc")), reason="there is no C compiler")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "benchmarks/run.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_every_figure_is_listed() -> None:
    """`--list` names every figure once, and README.md explains each."""
    listed = [line.split()[0] for line in run("--list").stdout.splitlines()]
    assert listed == [figure.name for figure in FIGURES]
    assert len(set(listed)) == len(listed)
    explained = (ROOT / "benchmarks" / "README.md").read_text()
    assert [name for name in listed if f"`{name}`" not in explained] == []


def test_an_unknown_figure_is_refused() -> None:
    """A name that is none is wrong usage, and the answer names those there are."""
    refused = run("--only", "publish,nonsense")
    assert refused.returncode == 2
    assert "'nonsense'" in refused.stderr
    assert "saturation" in refused.stderr


@needs_compiler
def test_the_floor_is_a_pusher_server() -> None:
    """The C program compiles without a warning, and upgrades, subscribes, answers pings and publishes."""
    with floor() as server, closing(Talker(server.port)) as client, closing(Publisher(server.port, 2)) as publisher:
        client.subscribe("news")
        client.socket.sendall(masked(b'{"event":"pusher:ping","data":{}}'))
        assert client.event("pusher:pong")
        publisher.send([post(server.port, "/events", events("news", [text])) for text in ("one", 'two "2"', "ü")])
        heard = [client.event("bench") for _ in range(3)]
        assert sorted(event["data"] for event in heard) == ["one", 'two "2"', "ü"]
        assert {event["channel"] for event in heard} == {"news"}
        publisher.send([post(server.port, "/events", events("elsewhere", ["nobody hears"]))])
        client.socket.sendall(b"\x89\x84\0\0\0\0ping")
        assert client.read() == b"ping"


@needs_compiler
def test_the_floor_forgets_who_leaves() -> None:
    """A broadcast after somebody has hung up reaches everybody else, whole."""
    with ExitStack() as stack, floor() as server:
        peers = connect_wave(server.port, 3, "pusher", "bench-0")
        for peer in peers:
            stack.enter_context(peer)
        peers.pop(0).close()
        server.settled()
        assert server.ask("broadcast", 2, 0.001, 1)["cpu"] > 0
        frames = [peer.recv(502, 0x100) for peer in peers]  # MSG_WAITALL
        assert {len(each) for each in frames} == {502}
        assert json.loads(frames[0][4:251])["channel"] == "bench-0"


def test_broadcasts_are_counted() -> None:
    """A window over the real server delivers every byte, in a process whose CPU time can be read."""
    with Fanout(Child("server", python("server")), 20) as fanout:
        assert fanout.window(2, 0.001, 3) > 0
        fanout.grow(30)
        assert fanout.window(1, 0.001) > 0
        assert fanout.subject.resident() > 0

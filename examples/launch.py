"""Starts an example: finds the server, or starts one, then serves the example's page."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import error, task
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import Site

from examples.application import Application, Credentials
from examples.web import HERE, NODE_MODULES

PUSHER_JS = "pusher-js@8.6.0"  # the version that shared/pusher.js takes from a CDN
CONFIG = Path(__file__).with_name("sockudo.json")
START_TIMEOUT = 20.0


class _Server(ProcessProtocol):
    """The server we started; it ends with us, and we end if it does."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def processEnded(self, reason: Failure) -> None:
        """See `ProcessProtocol`."""
        if self._reactor.running:
            print("the server has ended", file=sys.stderr)
            self._reactor.callWhenRunning(self._reactor.stop)


async def _listening(reactor: Any, host: str, port: int) -> bool:
    try:
        probe = await TCP4ClientEndpoint(reactor, host, port, timeout=2).connect(Factory.forProtocol(Protocol))
    except (error.ConnectError, error.TimeoutError):
        return False
    probe.transport.abortConnection()
    return True


async def _find_or_start_server(reactor: Any, credentials: Credentials) -> None:
    if await _listening(reactor, credentials.host, credentials.port):
        print(f"Using the server on {credentials.host}:{credentials.port}", flush=True)
        return
    print(f"Starting a server on {credentials.host}:{credentials.port}", flush=True)
    program = str(Path(sys.executable).with_name("sockudo"))
    command = [program, "run", "-c", str(CONFIG)]
    environment = {**os.environ, "PORT": str(credentials.port), "HOST": credentials.host}
    process = reactor.spawnProcess(_Server(reactor), program, command, env=environment, childFDs={0: 0, 1: 1, 2: 2})
    reactor.addSystemEventTrigger("before", "shutdown", _terminate, process)
    for _ in range(int(START_TIMEOUT / 0.1)):
        if await _listening(reactor, credentials.host, credentials.port):
            return
        await task.deferLater(reactor, 0.1)
    raise SystemExit("the server did not start")


def _terminate(process: Any) -> None:
    try:
        process.signalProcess("TERM")
    except error.ProcessExitedAlready:
        pass


def _bring_pusher_js() -> None:
    """Installs pusher-js once, where there is npm; without it, or if that fails, the pages take it from a CDN."""
    npm = shutil.which("npm")
    if npm is None or any((folder / "pusher-js").is_dir() for folder in NODE_MODULES):
        return
    print(f"Installing {PUSHER_JS} into examples/node_modules, once", flush=True)
    quiet = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        subprocess.run([npm, "install", *quiet, "--prefix", str(HERE), PUSHER_JS], check=False, timeout=60)
    except subprocess.TimeoutExpired:
        print("npm takes too long: the page will look for pusher-js on the network", flush=True)


def run(name: str, page_port: int, build: Callable[[Application], Resource]) -> None:
    """Runs the example until Ctrl-C. `build` makes its site from the application that it is the backend of."""
    parser = argparse.ArgumentParser(prog=f"python -m examples.{name}")
    parser.add_argument("--port", type=int, default=page_port, help="of the example's page (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="to serve the page on (%(default)s)")
    arguments = parser.parse_args()
    _bring_pusher_js()

    async def main(reactor: Any) -> None:
        credentials = Credentials.from_environment()
        await _find_or_start_server(reactor, credentials)
        site = Site(build(Application(reactor, credentials)))
        site.displayTracebacks = False
        port = reactor.listenTCP(arguments.port, site, interface=arguments.host)
        shown = "localhost" if arguments.host == "127.0.0.1" else arguments.host
        print(f"Open http://{shown}:{port.getHost().port}", flush=True)
        await Deferred()  # until Ctrl-C

    task.react(lambda reactor: Deferred.fromCoroutine(main(reactor)))

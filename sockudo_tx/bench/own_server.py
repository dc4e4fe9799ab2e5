"""A server of our own for a run: this version, on a free loopback port, ended with the run."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from types import TracebackType
from typing import Self

from .processes import family
from .rest import CallError, call
from .target import Target, TargetError

__all__ = ["OwnServer"]

_PATIENCE = 30.0
_GOODBYE = 15.0


class OwnServer:
    """`sockudo run` with so many workers and the demo app; used with `with`. Raises TargetError when it does not start.

    Settings come from the environment as always, but for those that would make it another server: file, address,
    limits of rate and of connections.
    """

    def __init__(self, workers: int, target: Target, **variables: str) -> None:
        """`variables` of the environment win over all others."""
        self.workers = workers
        self._target = target
        self._variables = variables
        self._stack = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process that was started; the others are below it."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="sockudo-bench-"))
        log = self._stack.enter_context(tempfile.TemporaryFile())
        environment = {
            **os.environ,
            "HOST": "127.0.0.1",
            "PORT": str(self._target.port),
            "METRICS_ENABLED": "false",
            "RATE_LIMITER_ENABLED": "false",
            "SOCKUDO_WORKERS": str(self.workers),
            "SOCKUDO_DEFAULT_APP_ID": self._target.app_id,
            "SOCKUDO_DEFAULT_APP_KEY": self._target.key,
            "SOCKUDO_DEFAULT_APP_SECRET": self._target.secret,
            "SOCKUDO_DEFAULT_APP_MAX_CONNECTIONS": "0",
            **self._variables,
        }
        command = [sys.executable, "-m", "sockudo_tx", "run"]
        # an empty folder: no configuration of somebody's is found there
        self._process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)  # noqa: S603 - ourselves
        self._stack.callback(self._end)
        try:
            self._await()
        except BaseException:
            self._stack.close()
            raise
        return self

    def _await(self) -> None:
        assert self._process is not None
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(CallError, OSError):
                status, body = call(self._target, "GET", "/up", b"")
                if (
                    status == 200
                    and body.strip() == b"OK"
                    and len(family(self.pid)) > self.workers - (self.workers == 1)
                ):
                    return
            time.sleep(0.05)
        raise TargetError(f"a server with {self.workers} workers did not start on port {self._target.port} here")

    def _end(self) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(_GOODBYE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

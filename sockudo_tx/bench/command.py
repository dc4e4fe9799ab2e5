"""`sockudo bench`: from options to a report on the terminal."""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import signal
import sys
from collections.abc import Iterator
from typing import Any

from .scenarios import SCENARIOS, load_scenario

__all__ = ["bench"]


def bench(options: argparse.Namespace) -> int:
    """Runs a scenario; the exit status."""
    try:
        if options.played is None:
            return _list(as_json=options.list_json)
        if options.played == "compare":
            from .compare import compare

            return compare(options)
        return _scale(options) if options.played == "scaling" else _run(options)
    except KeyboardInterrupt:
        return _refuse("ended by Ctrl-C", 128 + signal.SIGINT)


def _run(options: argparse.Namespace) -> int:
    from .capacity import CapacityError
    from .crew import CrewError
    from .feed import FeedError
    from .require import LimitError, parse_limits
    from .target import TargetError

    told = load_scenario(options.played).tells(options)
    try:
        limits = parse_limits(options.require, told.figures, told.latencies) if options.require is not None else []
    except LimitError as error:
        return _refuse(f"--require {error}", 2)
    try:
        target = _target(options)
    except ValueError as error:
        return _refuse(str(error), 2)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        document = _play(options, target)
    except CapacityError as error:
        return _refuse(str(error), 2)
    except FeedError as error:
        return _refuse(str(error), 2)
    except (TargetError, CrewError) as error:
        return _refuse(str(error), 1)
    if document is None:
        return _refuse("ended by Ctrl-C before anything was measured", 128 + signal.SIGINT)
    return _tell(options, document, limits)


def _scale(options: argparse.Namespace) -> int:
    from .capacity import CapacityError
    from .crew import CrewError
    from .scaling import scale
    from .target import TargetError

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        return scale(options, _play)
    except CapacityError as error:
        return _refuse(str(error), 2)
    except (TargetError, CrewError) as error:
        return _refuse(str(error), 1)


def _list(*, as_json: bool) -> int:
    if as_json:
        print(json.dumps([{"name": row.name, "line": row.line} for row in SCENARIOS]))
    else:
        width = max(len(row.name) for row in SCENARIOS)
        print("\n".join(f"{row.name:{width}}  {row.line}" for row in SCENARIOS))
        print("\n`sockudo bench SCENARIO --help` tells the options of one.")
    return 0


def _target(options: argparse.Namespace) -> Any:
    from .target import Target, parse_target

    host, port, tls, prefix = parse_target(
        options.url, options.host, options.port, tls=options.tls, prefix=options.path_prefix
    )
    return Target(
        host=host,
        port=port,
        tls=tls,
        insecure=options.insecure,
        ca=options.ca,
        prefix=prefix,
        app_id=options.app_id,
        key=options.app_key,
        secret=options.app_secret,
        compression=options.compression,
    )


def _play(options: argparse.Namespace, target: Any) -> dict[str, Any] | None:
    """The document of the run; None when Ctrl-C came too early for one."""
    from .stage import Interrupted, Stage

    stage = Stage(options.played, options, target.resolved())
    try:
        with _interruptible(stage):
            load_scenario(options.played).play(stage)
    except Interrupted:
        return None
    finally:
        stage.progress.clear()
        stage.dismiss()
    if stage.interrupted:
        measured = any(histogram.count for histogram in stage.latencies.values())
        if not measured and not any(stage.figures.get(name) for name in ("connected", "rounds")):
            return None
        stage.notes.insert(0, "ended early by Ctrl-C: the figures are of what was measured until then")
    return stage.document()


@contextlib.contextmanager
def _interruptible(stage: Any) -> Iterator[None]:
    """The first Ctrl-C, or SIGTERM as from `timeout 1h`, ends the run with a report, the second at once."""

    def interrupt(number: int, frame: object) -> None:
        if stage.interrupted:
            raise KeyboardInterrupt
        stage.interrupted = True

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(options: argparse.Namespace, document: dict[str, Any], limits: list[Any]) -> int:
    from .report import text_report, write_report
    from .require import check_limits
    from .words import answer

    verdicts = check_limits(limits, document)
    print(json.dumps(document) if options.json else text_report(document, verdicts))
    if options.report:
        try:
            write_report(options.report, [document], verdicts)
        except OSError as error:
            return _refuse(f"--report {options.report}: {error}", 1)
    if options.json:
        for verdict in verdicts:
            if not verdict.holds:
                print(f"sockudo bench: {verdict.name} must be {verdict.limit}, is {verdict.actual}", file=sys.stderr)
    return 0 if answer(document, verdicts).good else 1


def _refuse(text: str, status: int) -> int:
    print(f"sockudo bench: {text}", file=sys.stderr)
    return status

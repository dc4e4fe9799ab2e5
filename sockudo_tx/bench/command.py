"""`sockudo bench`: from options to a report on the terminal."""

from __future__ import annotations

import argparse
import json
import resource
import sys
from typing import Any
from urllib.parse import urlsplit

from .load import Load, run_load

__all__ = ["bench"]


def bench(options: argparse.Namespace) -> int:
    """Runs the load; 0 when every delivery arrived."""
    url = urlsplit(options.url)
    if url.scheme != "http" or not url.hostname:
        print("sockudo bench: --url must be like http://127.0.0.1:6001", file=sys.stderr)
        return 2
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    load = Load(
        address=(url.hostname, url.port or 80),
        app_id=options.app_id,
        key=options.app_key,
        secret=options.app_secret,
        connections=options.connections,
        channels=min(options.channels, options.connections),
        rate=options.rate,
        duration=options.duration,
        size=options.size,
    )
    try:
        report = run_load(load)
    except OSError as error:
        print(f"sockudo bench: {error}. Is the server running at {options.url}?", file=sys.stderr)
        return 1
    print(json.dumps(report) if options.json else _text(report))
    return 1 if report["lost"] or report["refused"] or report["disconnected"] else 0


def _text(report: dict[str, Any]) -> str:
    def percentiles(values: dict[str, float | None]) -> str:
        return "  ".join(f"{name} {'-' if value is None else value}" for name, value in values.items())

    lines = [
        f"connected  {report['connections']} sockets on {report['channels']} channels in {report['connect_seconds']} s",
        f"published  {report['published']} events, {report['refused']} refused",
        f"delivered  {report['delivered']} of {report['expected']}, {report['lost']} lost",
        f"           {report['deliveries_per_second']:.0f} a second",
        f"latency    {percentiles(report['latency_ms'])} ms",
        f"REST       {percentiles(report['answer_ms'])} ms",
    ]
    if report["refusal"]:
        lines.append(f"refusal    {report['refusal']}")
    if report["disconnected"]:
        lines.append(f"dropped    {report['disconnected']} sockets: {report['disconnect_reason']}")
    return "\n".join(lines)

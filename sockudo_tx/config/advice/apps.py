"""What is odd about the apps: origins nobody has, secrets that are none, limits that cut themselves off."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...protocol.app import App
from ...protocol.origins import ALLOW_NONE
from ..complete import quoted
from ..grammar import shown
from ..masks import MASK
from ..resolve import APPS
from ..schema import Config
from .advice import Advice, Rule, Written

__all__ = ["RULES", "idle_pattern"]

_USUAL_PORTS = {"http": ":80", "https": ":443", "ws": ":80", "wss": ":443"}
_SHORT = 8
"""Characters of a secret that can be guessed."""


def idle_pattern(pattern: str) -> str | None:
    """Why no page ever has this origin, as the end of a sentence; None when some may."""
    text = pattern.lower()
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "", text
    if any(character.isspace() for character in text):
        return "it holds a blank"
    if "/" in rest:
        return "an origin ends with host or port, without `/` and path"
    if "@" in rest or "?" in rest or "#" in rest:
        return "an origin is only scheme, host and port"
    if scheme in ("ws", "wss"):
        return "pages have origins of http and https, never of ws and wss"
    if scheme in _USUAL_PORTS and rest.endswith(_USUAL_PORTS[scheme]):
        return f"browsers leave the usual port {_USUAL_PORTS[scheme]} out"
    if text.startswith("*.") and re.search(r":[0-9]+$", text):
        return "`*.` patterns are compared without a port"
    if re.search(r":(?![0-9*]+$)[^:\]]*$", rest) and not rest.endswith("]"):
        return "the port is not a number"
    return None


def _origins(config: Config, written: Written) -> Iterator[Advice]:
    for app in config.app_manager.array.apps:
        if app.allowed_origins == ALLOW_NONE:
            continue
        if "*" in app.allowed_origins and len(app.allowed_origins) > 1:
            cause = "`*` lets every page in, whatever else is listed"
            cure = "Remove `*`, or the other patterns"
            yield _of(app, "allowed_origins", "holds `*` and other patterns", cause, cure, quoted(app.allowed_origins))
        for pattern in app.allowed_origins:
            why = None if pattern == "*" else idle_pattern(pattern)
            if why is not None:
                yield _of(app, "allowed_origins", "holds a pattern that lets nobody in", why, _ORIGIN, quoted(pattern))
    if not any(pattern.lower() in ("*", "any") for pattern in config.cors.origin):
        for pattern in config.cors.origin:
            why = idle_pattern(pattern)
            if why is not None:
                message = "holds a pattern that lets nobody in"
                yield Advice(("cors.origin",), message, why, _ORIGIN, value=quoted(pattern))


_ORIGIN = "Write it as browsers send it, for example https://example.com"


def _of(app: App, member: str, message: str, cause: str, cure: str, value: str) -> Advice:
    return Advice((APPS,), f"app {shown(app.id)}: `{member}` {message}", cause, cure, value=value, app=app.id)


def _secrets(config: Config, written: Written) -> Iterator[Advice]:
    for app in config.app_manager.array.apps:
        if app.secret in (app.key, app.id):
            yield _of(
                app,
                "secret",
                "is the same as its key or id",
                "the key is public, so anybody could sign as your backend",
                "Use 20 or more random characters, for example from `openssl rand -hex 16`",
                MASK,
            )
        elif len(app.secret) < _SHORT and config.mode == "production":
            yield _of(
                app,
                "secret",
                f"has less than {_SHORT} characters and can be guessed",
                "every signature can be tried against it offline",
                "Use 20 or more random characters, for example from `openssl rand -hex 16`",
                MASK,
            )


def _limits(config: Config, written: Written) -> Iterator[Advice]:
    most = config.http_api.request_limit_in_mb * 1024
    for app in config.app_manager.array.apps:
        payload = app.max_event_payload_in_kb
        if payload and most and payload > most:
            yield _of(
                app,
                "max_event_payload_in_kb",
                "can never be reached",
                f"requests above {config.http_api.request_limit_in_mb} MiB are refused as a whole",
                "Raise http_api.request_limit_in_mb, or lower it",
                str(payload),
            )
        queue = config.websocket.max_bytes
        if payload and queue is not None and payload * 1024 > queue:
            yield _of(
                app,
                "max_event_payload_in_kb",
                "allows events that reach nobody",
                f"websocket.max_bytes holds {queue} bytes for each client",
                "Raise websocket.max_bytes to several times that size, or lower it",
                str(payload),
            )


def _enabled(config: Config, written: Written) -> Iterator[Advice]:
    apps = config.app_manager.array.apps
    if apps and not any(app.enabled for app in apps):
        yield Advice(
            (APPS,),
            "every app is switched off",
            "each has `enabled: false`, so every client is refused with 4003",
            "Switch at least one on",
        )


def _production(config: Config, written: Written) -> Iterator[Advice]:
    if config.debug and config.mode == "production":
        yield Advice(
            ("debug", "mode"),
            "is on in production",
            "each request has its line in the log, which costs time and space",
            "Switch it off (DEBUG_MODE=false), or set `mode` to what this is",
        )


RULES: tuple[Rule, ...] = (_origins, _secrets, _limits, _enabled, _production)

"""What must hold of the whole configuration, wherever its values came from; and what follows from them."""

from __future__ import annotations

from ..protocol.origins import any_origin
from .declare import Key, walk
from .environment import replaced, value_at
from .findings import BUILT_IN, Report
from .schema import Config
from .sections.listeners import CorsConfig

__all__ = ["check"]


def check(config: Config, sources: dict[str, str], report: Report) -> Config:
    """The configuration as it takes effect. What must not start is refused in the report."""
    for key in walk(Config):
        _check_key(key, config, sources, report)
    config = replaced(config, "path_prefix", "/" + config.path_prefix.strip("/"))
    config = _some_queue_limit(config, report)
    config = _certificate_or_plain(config, sources, report)
    return _cors_credentials(config, sources, report)


def _check_key(key: Key, config: Config, sources: dict[str, str], report: Report) -> None:
    value = value_at(config, key.path)
    on = key.words is None or not key.words.when or value_at(config, key.words.when)
    if key.words and on and value in key.words.later:
        report.unavailable(
            key.path,
            f"{value} is not available in this version",
            cure=f"Use {' or '.join(key.usable)}",
            source=sources[key.path],
        )
    for rule in key.rules:
        fault = None if value is None else rule.fault(value)
        if fault:
            report.refuse(key.path, fault, source=sources[key.path])


def _some_queue_limit(config: Config, report: Report) -> Config:
    """Without any limit a slow client would fill the memory, so both off means 1000 messages."""
    if config.websocket.max_messages is not None or config.websocket.max_bytes is not None:
        return config
    report.info("websocket.max_messages", "both limits of waiting messages are off, so 1000 messages are used")
    return replaced(config, "websocket.max_messages", 1000)


def _certificate_or_plain(config: Config, sources: dict[str, str], report: Report) -> Config:
    """TLS needs both files named; without them the reference serves everything unencrypted (configuration.md 8.2)."""
    if not config.ssl.enabled or (config.ssl.cert_path and config.ssl.key_path):
        return config
    missing = " and ".join(name for name in ("cert_path", "key_path") if not getattr(config.ssl, name))
    report.error(
        "ssl.enabled",
        f"is on without {missing}, so connections are not encrypted",
        cure="Set ssl.cert_path and ssl.key_path (SSL_CERT_PATH, SSL_KEY_PATH), or switch ssl.enabled off",
        source=sources["ssl.enabled"],
    )
    return replaced(config, "ssl.enabled", False)


def _cors_credentials(config: Config, sources: dict[str, str], report: Report) -> Config:
    """Browsers refuse credentials for `*`, and without origins nobody needs them (http-api.md 8)."""
    cors = config.cors
    everyone = any_origin(cors.origin)
    source = sources["cors.origin"]
    if everyone and len(cors.origin) > 1:
        report.warn("cors.origin", "lets every origin in, so the others it lists mean nothing", source=source)
    if not cors.origin:
        report.warn("cors.origin", "is empty, so no page may call the HTTP API", source=source)
    if not cors.credentials or (cors.origin and not everyone):
        return config
    written = {sources["cors.credentials"], sources["cors.origin"]} != {BUILT_IN}
    if written and cors != CorsConfig():  # the built-in values say both, and nobody chose them
        why = "lets every origin in" if everyone else "is empty"
        report.warn("cors.credentials", f"is off, because cors.origin {why}", source=sources["cors.credentials"])
    return replaced(config, "cors.credentials", False)

"""The configuration as people may see it: plain JSON values, every secret masked."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from ..protocol.app import App
from .apps import app_record
from .declare import walk
from .masks import MASK, hidden, without_password
from .schema import Config

__all__ = ["effective"]


def effective(config: Config) -> dict[str, Any]:
    """`config` in the shape of the configuration file, for `check-config` and the start-up report."""
    tree: dict[str, Any] = msgspec.to_builtins(config)
    for key in walk(Config):
        if key.secret:
            _mask(tree, key.path.split("."))
    tree["app_manager"]["array"]["apps"] = []
    tree = _masked(tree)
    tree["app_manager"]["array"]["apps"] = [_app(app) for app in config.app_manager.array.apps]
    return tree


def _masked(value: Any) -> Any:
    """Free-form objects may hold passwords, and addresses may carry them."""
    match value:
        case dict():
            return {name: MASK if _is_secret(name, each) else _masked(each) for name, each in value.items()}
        case list() | tuple():
            return [_masked(item) for item in value]
        case str():
            return without_password(value)
        case _:
            return value


def _is_secret(name: str, value: Any) -> bool:
    return isinstance(value, str) and value != "" and hidden(name)


def _mask(tree: Any, path: list[str]) -> None:
    *where, name = path
    for step in where:
        tree = (tree or {}).get(step)
    if tree and tree.get(name):
        tree[name] = MASK


def _app(app: App) -> dict[str, Any]:
    record = app_record(app)
    record["secret"] = MASK
    for webhook in record["webhooks"] or ():
        webhook["headers"] = dict.fromkeys(webhook["headers"], MASK)
        webhook["url"] = webhook["url"] and _webhook_url(webhook["url"])
    return record


def _webhook_url(url: str) -> str:
    """The address with user name, password and query masked; webhook queries often carry a token."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return parts._replace(
        netloc=(MASK if user else "") + at + host, query=MASK if parts.query else "", fragment=""
    ).geturl()

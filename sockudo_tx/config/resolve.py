"""From a file's JSON to the typed tree: defaults filled in, every fault found before any is told."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, TypeVar

from .declare import Key, Section, keys_of, walk
from .findings import Report
from .grammar import Unacceptable, UnknownWord, from_json, one_line
from .moved import in_place, spelled

__all__ = ["APPS", "FileReader", "nearest", "refuse_word"]

APPS = "app_manager.array.apps"

S = TypeVar("S", bound=Section)


class FileReader:
    """Reads one file. Afterwards `apps` holds its app records, `sources` the keys it sets."""

    def __init__(self, source: str, report: Report) -> None:
        self._source = source
        self._report = report
        self._found_at: dict[str, str] = {}
        self.apps: list[tuple[str, Any]] = []
        """Path and raw record of every app, in order."""
        self.sources: dict[str, str] = {}
        self.unknown: list[tuple[str, str | None]] = []
        """Paths that nobody knows, each with the key that may be meant."""

    def read(self, schema: type[S], raw: dict[str, Any]) -> S:
        """The tree the file describes; what is wrong with it is in the report."""
        raw, self._found_at = in_place(dict(raw), self._source, self._report)
        if "apps" in raw and "apps" not in {key.name for key in keys_of(schema)}:
            self._apps("apps", raw.pop("apps"))
        tree = self._section(keys_of(schema), schema, raw, "", schema)
        self.apps.sort(key=lambda item: item[0].startswith("apps["))  # those of `apps` come last
        return tree

    def _section(
        self, declared: tuple[Key, ...], section: type[S], raw: dict[str, Any], prefix: str, root: type[Section]
    ) -> S:
        keys = {key.name: key for key in declared}
        values: dict[str, Any] = {}
        for name, value in raw.items():
            key = keys.get(name)
            if key is None:
                self._unknown(prefix + name, tuple(keys), root)
            elif key.path == APPS:
                self._apps(APPS, value)
            elif key.item is not None and isinstance(value, list):
                values[name] = self._items(key, key.item, value, root)
                self.sources[key.path] = self._source
            elif key.section is None:
                self._leaf(key, value, values)
            elif isinstance(value, dict):
                values[name] = self._section(key.inner, key.section, value, key.path + ".", root)
            elif value is None and key.nullable:
                values[name] = None
            else:
                self._refuse(key.path, "must be an object, `{ ... }`")
        return section(**values)

    def _items(self, key: Key, section: type[Section], raw: list[Any], root: type[Section]) -> tuple[Section, ...]:
        """The objects of a list."""
        items = []
        for index, value in enumerate(raw):
            path = f"{key.path}[{index}]"
            if isinstance(value, dict):
                items.append(self._section(keys_of(section, path + "."), section, value, path + ".", root))
            else:
                self._refuse(path, "must be an object, `{ ... }`")
        return tuple(items)

    def _leaf(self, key: Key, value: Any, values: dict[str, Any]) -> None:
        try:
            values[key.name] = from_json(key, value)
        except UnknownWord as error:
            refuse_word(key, str(error), self._source, self._report)
        except Unacceptable as error:
            digits = isinstance(value, str) and value.isdigit() and int in key.bases
            words = isinstance(value, str) and value.lower() in ("true", "false") and bool in key.bases
            number = isinstance(value, int) and not isinstance(value, bool) and str in key.bases
            cure = "Write it without quotation marks" if digits or words else ""
            cure = "Write it in quotation marks" if number else cure
            self._refuse(key.path, f"must be {key.expected}", cause=str(error), cure=cure)
        else:
            if "[" not in key.path:
                self.sources[key.path] = self._source

    def _refuse(self, path: str, message: str, *, cause: str = "", cure: str = "") -> None:
        self._report.refuse(spelled(path, self._found_at), message, cause=cause, cure=cure, source=self._source)

    def _apps(self, path: str, value: Any) -> None:
        if not isinstance(value, list):
            self._report.refuse(path, "must be a list of apps, `[ ... ]`", source=self._source)
            return
        self.apps += [(f"{path}[{index}]", record) for index, record in enumerate(value)]
        self.sources[APPS] = self._source

    def _unknown(self, path: str, siblings: tuple[str, ...], root: type[Section]) -> None:
        if path != "$schema":  # for editors
            path = one_line(spelled(path, self._found_at))
            self.unknown.append((path, nearest(path, siblings, root)))


def refuse_word(key: Key, cause: str, source: str, report: Report) -> None:
    """Tell that a key's word is not one it knows: refused, unless the key says what to take instead."""
    fallback = key.words.fallback if key.words else None
    if fallback is not None:
        report.ignored(key.path, f"must be {key.expected}; {fallback} is used", cause=cause, source=source)
    else:
        report.refuse(key.path, f"must be {key.expected}", cause=cause, source=source)


def nearest(path: str, siblings: tuple[str, ...], root: type[Section] | None = None) -> str | None:
    """The known key that was probably meant by `path`, as a path; None when nothing is like it."""
    *where, name = path.split(".")
    close = get_close_matches(name.lower(), siblings, n=1, cutoff=0.7)
    if close:
        return ".".join([*where, close[0]])
    if root is None:
        return None
    everywhere = _elsewhere(root)
    close = get_close_matches(name.lower(), everywhere, n=1, cutoff=0.85)
    return everywhere[close[0]] if close else None


def _elsewhere(root: type[Section]) -> dict[str, str]:
    """Path of every key by its name; names that several objects have, such as `prefix`, say nothing."""
    paths: dict[str, list[str]] = {}
    for key in walk(root):
        if not key.older:
            paths.setdefault(key.name, []).append(key.path)
    return {name: found[0] for name, found in paths.items() if len(found) == 1}

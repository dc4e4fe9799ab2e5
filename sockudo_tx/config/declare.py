"""How a key is declared: one annotated Struct field carries everything there is to know about it.

    class WebSocketConfig(Section, frozen=True, kw_only=True):
        ping_interval: Annotated[Seconds, Doc("Between two pings."), Env("WEBSOCKET_PING_INTERVAL")] = 30

From that one line come the default, the type and range check, the environment variable, the row in
`docs/configuration.md`, the JSON Schema and the example file. A field whose type is a `Section` is a
JSON object of its own. The default of such a field holds when the object is absent; the defaults of its
type hold for keys missing in an object that is there (configuration.md 2.2).
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Meta

__all__ = [
    "Begins",
    "Bytes",
    "Count",
    "Doc",
    "Env",
    "Fraction",
    "KiB",
    "Key",
    "Large",
    "MiB",
    "Milliseconds",
    "OctalMode",
    "Older",
    "Port",
    "Receives",
    "Rule",
    "SECRET",
    "SPLITS",
    "Seconds",
    "Section",
    "UNUSED",
    "Unit",
    "VisibilitySeconds",
    "WaitSeconds",
    "Words",
    "ZERO_IS_NONE",
    "keys_of",
    "walk",
]

_U32 = 2**32 - 1
_U64 = 2**63 - 1  # what fits a signed word; no setting has a use for more


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A JSON object of settings."""


@dataclass(frozen=True)
class Doc:
    """One or two sentences for the person who sets the key."""

    text: str


@dataclass(frozen=True)
class Unit:
    """What the number counts."""

    text: str


@dataclass(frozen=True)
class Env:
    """An environment variable that sets the key; of several the later one wins.

    `empty` is what an empty text means (by default: as if the variable were not set). With `only`, every
    other value leaves the key alone. With `inverse`, true means false.
    """

    name: str
    empty: Any = UNSET
    only: Any = UNSET
    inverse: bool = False


@dataclass(frozen=True)
class Words:
    """Spellings of a key that takes one of a few words. Letter case never matters.

    `later` words are known but cannot be used in this version: they refuse to start. `fallback` is what an
    unknown word means; without one it refuses to start.
    """

    aliases: tuple[tuple[str, str], ...] = ()
    later: tuple[str, ...] = ()
    fallback: str | None = None
    when: str = ""
    """Path of the switch with which `later` words refuse; while it is off they do no harm."""


@dataclass(frozen=True)
class Begins:
    """What an absent nullable object is when a variable sets one of its keys."""

    value: Section


@dataclass(frozen=True)
class Older:
    """An object that is an older place of another one; see `older.py`. Variables and rules belong to the other."""

    newer: str


@dataclass(frozen=True)
class Expected:
    """What a text must look like, in words."""

    text: str


@dataclass(frozen=True)
class Rule:
    """Something that must hold of the value wherever it came from, or the server does not start.

    `fault` gives the sentence that follows the key's name, or None when the value is fine.
    """

    fault: Callable[[Any], str | None]
    text: str
    """The rule in words, for the documentation."""


class _Mark:
    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


SECRET = _Mark("SECRET")
"""The value is never shown, logged or quoted."""

UNUSED = _Mark("UNUSED")
"""Read and checked, and without effect in this version; somebody who sets it is told."""

ZERO_IS_NONE = _Mark("ZERO_IS_NONE")
"""A limit that 0, `"0"` and `"none"` switch off, like null."""

SPLITS = _Mark("SPLITS")
"""A list that a file may also write as one text with commas, as variables do."""

Count = Annotated[int, Meta(ge=0, le=_U32)]
Large = Annotated[int, Meta(ge=0, le=_U64)]
Port = Annotated[int, Meta(ge=0, le=65535)]
OctalMode = Annotated[str, Meta(pattern=r"^0*[0-7]{1,3}\Z"), Expected("text of octal digits up to 777")]
Seconds = Annotated[int, Meta(ge=0, le=_U64), Unit("seconds")]
Milliseconds = Annotated[int, Meta(ge=0, le=_U64), Unit("milliseconds")]
VisibilitySeconds = Annotated[int, Meta(ge=0, le=43200), Unit("seconds")]
WaitSeconds = Annotated[int, Meta(ge=0, le=20), Unit("seconds")]
Receives = Annotated[int, Meta(ge=1, le=10)]
"""The three ranges of SQS."""
Bytes = Annotated[int, Meta(ge=0, le=_U64), Unit("bytes")]
KiB = Annotated[int, Meta(ge=0, le=_U32), Unit("KiB")]
MiB = Annotated[int, Meta(ge=0, le=_U32), Unit("MiB")]
Fraction = Annotated[float, Meta(ge=0), Unit("fraction of 1")]


@dataclass(frozen=True)
class Key:
    """What one field of a Section declares."""

    name: str
    path: str
    """Dotted path from the root, such as `websocket.ping_interval`."""
    type: Any
    """The field's annotation without our marks, as msgspec takes it."""
    default: Any
    """The value when nobody wrote its object."""
    partial: Any
    """The value when its object was written without it (configuration.md 2.2)."""
    section: type[Section] | None
    """The Section type when the field is an object of its own."""
    nullable: bool
    bases: tuple[Any, ...]
    """The plain types a value may have, None left out: `int`, `str`, a Literal, …"""
    low: float | None = None
    high: float | None = None
    doc: str = ""
    unit: str = ""
    env: tuple[Env, ...] = ()
    words: Words | None = None
    rules: tuple[Rule, ...] = field(default=())
    pattern: str = ""
    """Regular expression of the whole text."""
    words_for_pattern: str = ""
    begins: Section | None = None
    """What an absent nullable object is when a variable sets one of its keys."""
    secret: bool = False
    unused: str = ""
    """Path of the key or of the outermost object around it that has no effect in this version; empty when it has."""
    zero_is_none: bool = False
    splits: bool = False
    older: str = ""
    """Path of the newer place of an older key."""

    @property
    def item(self) -> type[Section] | None:
        """The Section type when the value is a list of objects."""
        for base in self.bases:
            kind = next(iter(get_args(base)), None) if get_origin(base) is tuple else None
            if isinstance(kind, type) and issubclass(kind, Section):
                return kind
        return None

    @property
    def choices(self) -> tuple[str, ...]:
        """The words a Literal allows."""
        return tuple(word for base in self.bases if get_origin(base) is Literal for word in get_args(base))

    @property
    def usable(self) -> tuple[str, ...]:
        """The words that can be used in this version."""
        return tuple(word for word in self.choices if self.words is None or word not in self.words.later)

    @property
    def inner(self) -> tuple[Key, ...]:
        """The keys of the object this key is."""
        assert self.section is not None, f"{self.path} is a value, not an object"
        return keys_of(self.section, self.path + ".", self.default or self.begins, self.unused, self.older)

    @property
    def expected(self) -> str:
        """What the value must be, for people."""
        parts = []
        if self.choices:
            parts.append(("one of " if len(self.choices) > 1 else "") + ", ".join(self.choices))
        if bool in self.bases:
            parts.append("true or false")
        if int in self.bases:
            plain = self.high is None or self.high > _U32
            parts.append(f"a whole number from {self.low} " + ("up" if plain else f"to {self.high}"))
        if float in self.bases:
            parts.append(f"a number from {self.low:g} up")
        if str in self.bases:
            parts.append(self.words_for_pattern or "text")
        if any(get_origin(base) is tuple for base in self.bases):
            parts.append("a list of objects with host and port" if self.item else "a list of texts")
        return " or ".join(parts) + (" or null" if self.nullable else "")


def walk(section: type[Section], prefix: str = "") -> Iterator[Key]:
    """Every key below `section` that holds a value, in declared order; Sections themselves are left out."""
    pending = list(reversed(keys_of(section, prefix)))
    while pending:
        key = pending.pop()
        if key.section is None:
            yield key
        else:
            pending += reversed(key.inner)


@functools.lru_cache(maxsize=1024)
def keys_of(
    section: type[Section], prefix: str = "", holding: Section | None = None, unused: str = "", newer: str = ""
) -> tuple[Key, ...]:
    """The keys `section` declares itself, in declared order.

    `holding` is what the object is when nobody wrote it, `unused` the object around it that has no effect, `newer`
    the newer place of it.
    """
    hints = get_type_hints(section, include_extras=True)
    defaults = {info.name: _default(info) for info in msgspec.structs.fields(section)}
    return tuple(
        _key(
            name,
            prefix + name,
            hints[name],
            partial if holding is None else getattr(holding, name),
            partial,
            unused,
            f"{newer}.{name}" if newer else "",
        )
        for name, partial in defaults.items()
    )


def _default(info: msgspec.structs.FieldInfo) -> Any:
    return info.default_factory() if info.default_factory is not msgspec.NODEFAULT else info.default


def _key(name: str, path: str, hint: Any, default: Any, partial: Any, unused: str, newer: str) -> Key:
    bases, marks = _split(hint)
    plain = tuple(base for base in bases if base is not types.NoneType)
    metas = [mark for mark in marks if isinstance(mark, Meta)]
    return Key(
        name=name,
        path=path,
        type=hint,
        default=default,
        partial=partial,
        section=next((base for base in plain if isinstance(base, type) and issubclass(base, Section)), None),
        nullable=len(plain) < len(bases),
        bases=plain,
        low=next((meta.ge for meta in metas if meta.ge is not None), None),
        high=next((meta.le for meta in metas if meta.le is not None), None),
        pattern=next((meta.pattern for meta in metas if meta.pattern is not None), ""),
        words_for_pattern=next((mark.text for mark in marks if isinstance(mark, Expected)), ""),
        doc=" ".join(mark.text for mark in marks if isinstance(mark, Doc)),
        unit=next((mark.text for mark in marks if isinstance(mark, Unit)), ""),
        env=() if newer else tuple(mark for mark in marks if isinstance(mark, Env)),
        words=next((mark for mark in marks if isinstance(mark, Words)), None),
        rules=() if newer else tuple(mark for mark in marks if isinstance(mark, Rule)),
        begins=next((mark.value for mark in marks if isinstance(mark, Begins)), None),
        secret=SECRET in marks,
        unused=unused or (path if UNUSED in marks else ""),
        zero_is_none=ZERO_IS_NONE in marks,
        splits=SPLITS in marks,
        older=next((mark.newer for mark in marks if isinstance(mark, Older)), newer),
    )


def _split(hint: Any) -> tuple[list[Any], list[Any]]:
    """The alternatives of a type and all marks anywhere on it."""
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        bases, more = _split(inner)
        return bases, [*more, *marks]
    if get_origin(hint) in (Union, types.UnionType):
        pairs = [_split(each) for each in get_args(hint)]
        return [base for bases, _ in pairs for base in bases], [mark for _, marks in pairs for mark in marks]
    return [hint], []

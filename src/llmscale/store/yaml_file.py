"""The YAML door: files that people write, read safely, checked by pydantic; every error by file, line and field.

Tables that ship, a user's catalogue and a user's recipe come in here; what is past this door is trusted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import asdict, fields
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from llmscale.errors import InputFileError
from llmscale.names import normal
from llmscale.records import dataclass
from llmscale.store.text_file import read_text
from llmscale.units import MAX_COUNT

T = TypeVar("T")
Entries = dict[str, dict[str, Any]]
#: Files and folders that were read in this process: what a table was made with.
READ: set[str] = set()
#: The largest file that ships has 0.6 MB.
MOST_BYTES = 4 << 20
#: Characters that a large file is read by at once, and where it may be cut.
PART, _KEY = 1 << 20, re.compile(r"^[^\s#\-\[\]{}&*!|>%@`,][^\n]*:", re.MULTILINE)
#: Values of a file with its aliases written out, and how deep they may be nested.
MOST_VALUES, DEEPEST = 500_000, 40


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML that refuses a key given twice, which plain YAML silently lets win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(None, None, "a list is no name", key_node.start_mark)
            if key in keys:
                raise yaml.constructor.ConstructorError(None, None, f"'{key}' is given twice", key_node.start_mark)
            keys.add(key)
        return super().construct_mapping(node, deep)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class YamlFile:
    """A file, to say in a message where something stands in it.

    Attributes:
        text: what stands in it, or shall stand there.
        above: lines of the file that stand before `text`, where that is a part of it.
    """

    path: str
    text: str
    above: int = 0

    @classmethod
    def read(cls, path: str) -> YamlFile:
        """The file at `path`.

        Raises:
            InputFileError: it cannot be read.
        """
        READ.add(path)
        return cls(path, read_text(path, MOST_BYTES, "a file in YAML"))

    @classmethod
    def read_folder(cls, path: str) -> list[YamlFile]:
        """The files of the folder at `path`, which is remembered as read: another file changes it.

        Raises:
            InputFileError: one cannot be read.
        """
        READ.add(path)
        return [
            cls.read(os.path.join(path, name)) for name in sorted(os.listdir(path)) if name.endswith((".yaml", ".json"))
        ]

    def parts(self) -> Iterator[YamlFile]:
        """The file in parts of about `PART` characters, cut before keys that stand at the beginning of a line, so that
        of a large one no more is ever composed at once.

        Raises:
            InputFileError: a part that is too large all the same: one entry, or a file that is not in lines.
        """
        start, above = 0, self.above
        cuts = [*(key.start() for key in _KEY.finditer(self.text) if key.start()), len(self.text)]
        for following in cuts:
            if following < len(self.text) and following - start < PART:
                continue
            text = self.text[start:following]
            if len(text) > MOST_BYTES:
                raise InputFileError(
                    f"{self.path}, line {above + 1}: more than {MOST_BYTES:,} bytes under one key, which is too large."
                )
            yield YamlFile(self.path, text, above)
            start, above = following, above + text.count("\n")

    def content(self) -> Any:
        """What the file says.

        Raises:
            InputFileError: it is not YAML.
        """
        try:
            return _small(yaml.load(self.text, _Loader))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            line = f", line {self.above + mark.line + 1}" if mark else ""
            problem = error.problem or error.context
            raise InputFileError(f"{self.path}{line} cannot be read as YAML: {problem}.") from None
        except RecursionError:
            raise InputFileError(f"{self.path} cannot be read: it is nested too deeply.") from None
        # Dates that do not exist and numbers without end are plain ValueErrors of the YAML library.
        except (yaml.YAMLError, ValueError) as error:
            raise InputFileError(f"{self.path} cannot be read: {' '.join(str(error).split())}.") from None

    def mapping(self, what: str = "ids to entries") -> dict[Any, Any]:
        """What the file says, where that is a mapping.

        Raises:
            InputFileError: it is not YAML, or no mapping.
        """
        raw = self.content()
        if not isinstance(raw, dict):
            raise InputFileError(f"{self.path} must map {what}.")
        return raw

    def error(self, keys: tuple[Any, ...], message: str, hint: str = "") -> InputFileError:
        """An error about what stands under `keys`, or under as many of them as there are."""
        there = next((part for part in self.parts() if part._names(keys[:1])), self)
        return InputFileError(f"{self.path}, line {there._line(keys)}: {message}", hint)

    def typed(self, raw: Any, schema: type[T], *above: str) -> T:
        """`raw` as `schema` has it.

        Args:
            above: the keys that it stands under.

        Raises:
            InputFileError: it does not fit, by line and field.
        """
        try:
            return TypeAdapter(schema).validate_python(raw)
        except ValidationError as error:
            first = error.errors()[0]
            keys = (*above, *first["loc"])
            raise self.error(keys, f"{dotted(keys)}: {first['msg']}.") from None

    def _line(self, keys: tuple[Any, ...]) -> int:
        # Composed again because lines are wanted after an error only, and keeping them costs every reading.
        line = 0
        try:
            node = yaml.compose(self.text, _Loader)
        except (yaml.YAMLError, ValueError, RecursionError):  # what another reader took has no lines for this one
            return 1
        for key in keys:
            found = [pair for pair in getattr(node, "value", []) if _is_key(pair, str(key))]
            if not found:
                break
            line, node = found[0][0].start_mark.line, found[0][1]
        return self.above + line + 1

    def _names(self, keys: tuple[Any, ...]) -> bool:
        """Whether the first of `keys` begins a line of it."""
        return any(re.search(rf"^['\"]?{re.escape(str(key))}['\"]?\s*:", self.text, re.MULTILINE) for key in keys)


def _small(data: Any) -> Any:
    """`data`, which a few aliases of aliases may make larger than memory and an open bracket deeper than the stack.

    Raises:
        ValueError: too many values, or nested too deeply.
    """
    count, left = 0, [(data, 0)]
    while left:
        value, depth = left.pop()
        count += 1
        if count > MOST_VALUES:
            raise ValueError("with its aliases written out it has too many values")
        if depth > DEEPEST:
            raise ValueError("it is nested too deeply")
        if isinstance(value, dict):
            left += [(each, depth + 1) for pair in value.items() for each in pair]
        elif isinstance(value, (list, tuple, set)):
            left += [(each, depth + 1) for each in value]
    return data


def _is_key(pair: Any, key: str) -> bool:
    return isinstance(pair, tuple) and pair[0].value == key


def dotted(keys: tuple[Any, ...]) -> str:
    """Where something stands, as messages name it."""
    return ".".join(str(key) for key in keys) or "entry"


def checked(
    raw: dict[str, Any],
    schema: type[Any],
    file: YamlFile,
    prepare: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    computed: frozenset[str] = frozenset({"id"}),
) -> Entries:
    """Every entry of a file as the dataclass `schema` has it, by its id.

    Args:
        prepare: makes of what is written what the schema wants; a ValueError of it begins with the field's name.
        computed: fields that no file gives.

    Raises:
        InputFileError: the first entry that does not fit, by line and field.
    """
    adapter = TypeAdapter(schema)
    known = {part.name for part in fields(schema)} - computed
    entries = {}
    for key, given in raw.items():
        try:
            if not isinstance(given, dict):
                raise ValueError("must be a mapping of fields")
            if unknown := set(given) - known:
                raise ValueError(f"{min(map(str, unknown))}: no such field")
            found = prepare(given)
            for name, value in found.items():
                _bounded(name, value)
            entries[key] = asdict(adapter.validate_python({"id": key, **found}))
        except ValidationError as error:
            first = error.errors()[0]
            raise file.error((key, *first["loc"]), f"{key}: {dotted(first['loc'])}: {first['msg']}.") from None
        except ValueError as error:
            said = str(error).rstrip(".")
            raise file.error((key, *said.split(":")[0].split(".")), f"{key}: {said}.") from None
    return entries


def _bounded(name: str, value: Any) -> None:
    """Every number of an entry is above zero and finite, and a share is at most one."""
    shares = name in ("gpu_share", "gpu_shares")
    one = list(value.values()) if isinstance(value, dict) and shares else [value]
    numbers = value if isinstance(value, list) else one
    most = 1 if shares else MAX_COUNT
    for number in numbers:
        if isinstance(number, (int, float)) and not isinstance(number, bool) and not 0 < number <= most:
            raise ValueError(f"{name}: {number} does not lie above 0 and up to {most:g}")


def spellings(entries: Entries, file: YamlFile) -> dict[str, list[str]]:
    """Every spelling of a name, as `normal` has it, to the ids that go by it; an id beats an alias.

    Raises:
        InputFileError: two ids that are the same name, an alias that is another entry's id, one name of two entries.
    """
    names: dict[str, list[str]] = {}
    for key in entries:
        if names.setdefault(normal(key), [key]) != [key]:
            raise file.error((key,), f"'{key}' and '{names[normal(key)][0]}' are the same name.")
    ids = set(names)
    for key, entry in entries.items():
        aliases = [entry["name"], *entry["aliases"]]
        # A hub id is known by its last part too: meta-llama/Llama-2-7b-hf is Llama-2-7b-hf.
        tails = [alias.rpartition("/")[2] for alias in entry["aliases"] if "/" in alias]
        for alias in (*aliases, *tails):
            spelling = normal(alias)
            if spelling in ids:
                if names[spelling] != [key] and alias in entry["aliases"]:
                    raise file.error((key, "aliases"), f"alias '{alias}' of '{key}' is the id of another entry.")
                continue
            found = names.setdefault(spelling, [key])
            if found != [key]:
                where = "aliases" if alias in aliases[1:] or alias in tails else "name"
                raise file.error((key, where), f"'{alias}' is a name of '{found[0]}' and of '{key}'.")
    return names

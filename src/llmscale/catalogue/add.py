"""Writing an entry into a user's catalogue: all other characters of the file stay, and it is whole or as it was."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from typing import Any

import yaml

from llmscale.catalogue.schema import check
from llmscale.errors import InputFileError, UsageError
from llmscale.names import normal
from llmscale.records import NamedTuple
from llmscale.store.tables import table
from llmscale.store.yaml_file import YamlFile

#: As the shipped ids are; a letter keeps YAML from reading a number, and the length keeps messages readable.
_ID = r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
ID_HINT = "Letters, digits, dots, dashes and underscores, a letter among them; for example my-llama-7b."


class Added(NamedTuple):
    """What writing an entry has changed.

    Attributes:
        replaced: whether an entry of that id stood there.
        hides: ids of shipped models that go by one of its names.
    """

    replaced: bool
    hides: tuple[str, ...]


def check_id(model_id: str) -> None:
    """Raises:
    UsageError: what cannot be the id of a model.
    """
    if not re.fullmatch(_ID, model_id) or yaml.safe_load(model_id) != model_id or model_id == "misnomers":
        raise UsageError(f"'{model_id[:60]}' cannot be the id of a model.", ID_HINT)


def add_entry(file: str, model_id: str, fields: dict[str, Any], *, force: bool) -> Added:
    """Write `fields` into `file` as the entry `model_id`; the file and its folder are made where they are missing.

    Args:
        force: replace an entry of that id, and take a name of a model that ships with llmscale.

    Raises:
        UsageError: an id or a name that is taken, without `force`.
        InputFileError: a file that cannot be read or written; it is then untouched.
    """
    before = _text(file)
    old = check(YamlFile(file, before))["entries"]
    same = next((known for known in old if normal(known) == normal(model_id)), None)
    if same is not None and not force:
        raise UsageError(f"{file} has a model '{same}' already.", "Choose another --id, or --force to replace it.")
    if same not in (None, model_id):
        raise UsageError(f"{file} has a model '{same}', which is the same name.", f"Replace it as --id {same}.")
    words = (model_id, fields["name"])
    hides = sorted({known for word in words for known in table("models")["names"].get(normal(word), ())})
    if hides and not force:
        raise UsageError(
            f"llmscale ships a model that goes by that name: {', '.join(hides)}.",
            "Choose another --id or --name, or --force to have yours answer to it.",
        )
    block = yaml.safe_dump({model_id: fields}, sort_keys=False, allow_unicode=True, width=120)
    after = _with_block(before, model_id if same else None, block)
    _verify(file, old, after, model_id, fields)
    _write(file, after)
    return Added(same is not None, tuple(hides))


def _text(file: str) -> str:
    """What stands in `file` now, byte for byte; nothing where there is none."""
    try:
        with open(file, encoding="utf-8", newline="") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise InputFileError(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InputFileError(f"{file} cannot be read: it is not UTF-8 text.", "It is left as it is.") from None


def _with_block(text: str, replaced: str | None, block: str) -> str:
    """`text` with `block` at its end, or in the place of the entry `replaced`; all other characters stay."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    start, end = _extent(text, lines, replaced) if replaced else (len(lines), len(lines))
    head, tail = "".join(lines[:start]), "".join(lines[end:])
    if head and not head.endswith(("\n", "\r")):
        head += newline
    if head and not replaced:
        head += newline
    return head + block.replace("\n", newline) + tail


def _extent(text: str, lines: list[str], model_id: str) -> tuple[int, int]:
    """The lines [start, end) of an entry; comments and blank lines before the next one belong to that."""
    root: Any = yaml.compose(text, yaml.SafeLoader)
    keys = [key for key, _ in root.value]
    at = [key.value for key in keys].index(model_id)
    start = keys[at].start_mark.line
    end = keys[at + 1].start_mark.line if at + 1 < len(keys) else len(lines)
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return start, end


def _verify(file: str, old: dict[str, Any], after: str, model_id: str, fields: dict[str, Any]) -> None:
    """Read what is about to be written: the new entry says what it should and no other one has changed.

    Appending fits the way people write such files, not every way that YAML can be written.
    """
    hint = "The file is left as it is. Write one entry after the other, each id at the beginning of a line."
    try:
        new = check(YamlFile(file, after))["entries"]
    except InputFileError as error:
        raise InputFileError(f"{file}: an entry cannot be added there: {error.message}", hint) from None
    added = new.pop(model_id)
    others = {key: entry for key, entry in old.items() if key != model_id}
    if new != others or any(added[key] != value for key, value in fields.items()):
        raise InputFileError(f"{file}: an entry cannot be added there without changing another one.", hint)


def _write(file: str, text: str) -> None:
    """Write whole or not at all: beside the file, then in its place; through a link to what it links to."""
    target = os.path.realpath(file)
    folder = os.path.dirname(target)
    temporary = ""
    try:
        os.makedirs(folder, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".models-", suffix=".yaml", dir=folder)
        with open(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if os.path.exists(target):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except OSError as error:
        if temporary:
            os.unlink(temporary)
        raise InputFileError(f"{file} cannot be written: {error.strerror}.", "It is left as it was.") from None

"""``models add``: a config.json becomes an entry of the user's own catalogue; the rest of the file stays as it is."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from typing import Any

from llmscale.answers.results.lists import AddedModel
from llmscale.catalogue import user as user_catalogue
from llmscale.errors import InputFileError, UsageError
from llmscale.model.spec import ModelSpec
from llmscale.names import normal
from llmscale.sources import config_json, literal
from llmscale.store.tables import table

#: As the shipped ids are; a letter keeps YAML from reading a number, and the length keeps messages readable.
_ID = r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9._-]{0,99}"


def add_model(
    reference: str,
    model_id: str,
    *,
    name: str | None = None,
    publisher: str = "",
    licence: str = "",
    released: str = "",
    open_weights: bool = False,
    force: bool = False,
    catalogue: str | None = None,
) -> AddedModel:
    """Write the config.json at `reference`, or in that folder, into the user's catalogue as `model_id`.

    Args:
        name: what tables call it; the id when None.
        released: ``2025-01``.
        open_weights: whether the weights can be downloaded.
        force: replace an entry of that id in the user's file, and take a name of a model that ships with llmscale.
        catalogue: the file; None for the one that the environment names, else the one in the configuration folder.
            It and its folder are made where they are missing.

    Raises:
        UsageError: an id that cannot be one, or that is taken without `force`.
        InputFileError: a config that cannot be counted, or a file that cannot be read or written; it is then untouched.
    """
    import yaml

    from llmscale.compile.tables import compile_text
    from llmscale.model.inventory import inventory

    _check_id(model_id, yaml.safe_load)
    path = config_json.locate(reference)
    spec = config_json.load(reference).known()
    file = user_catalogue.named_location(catalogue) or user_catalogue.default_location()
    before = _text(file)
    old = compile_text("models", before, file)
    same = next((known for known in old["entries"] if normal(known) == normal(model_id)), None)
    if same is not None and not force:
        raise UsageError(f"{file} has a model '{same}' already.", "Choose another --id, or --force to replace it.")
    if same not in (None, model_id):
        raise UsageError(f"{file} has a model '{same}', which is the same name.", f"Replace it as --id {same}.")
    hides = sorted(
        {known for word in (model_id, name or "") for known in table("models")["names"].get(normal(word), ())}
    )
    if hides and not force:
        raise UsageError(
            f"llmscale ships a model that goes by that name: {', '.join(hides)}.",
            "Choose another --id or --name, or --force to have yours answer to it.",
        )
    fields: dict[str, Any] = {
        "name": name or model_id,
        "publisher": publisher,
        "modality": _modality(spec),
        "released": released,
        "licence": licence,
        "open": open_weights,
        "source": os.path.abspath(path),
        **({"context": spec.max_context} if spec.max_context else {}),
        "checked": "added by llmscale models add",
        "config": config_json.read(path),
    }
    block = yaml.safe_dump({model_id: fields}, sort_keys=False, allow_unicode=True, width=120)
    after = _with_block(before, model_id if same else None, block)
    _verify(compile_text, file, old["entries"], after, model_id, fields)
    _write(file, after)
    parts = inventory(spec)
    return AddedModel(model_id, file, parts.total(), parts.active(), same is not None, tuple(hides))


def _check_id(model_id: str, read: Any) -> None:
    hint = "Letters, digits, dots, dashes and underscores, a letter among them; for example my-llama-7b."
    if not re.fullmatch(_ID, model_id) or read(model_id) != model_id or model_id == "misnomers":
        raise UsageError(f"'{model_id[:60]}' cannot be the id of a model.", hint)
    if literal.claims(model_id) or model_id.endswith(".json"):
        raise UsageError(f"'{model_id}' would be read as a size or a file.", hint)


def _modality(spec: ModelSpec) -> str:
    """``multimodal`` where a text part has towers, else what the model's one kind of input is."""
    towers = {placed.tower for placed in spec.placed if placed.tower}
    if spec.vocab_size:
        return "multimodal" if towers else "text"
    return "audio" if "audio" in towers else "vision"


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
    import yaml

    root: Any = yaml.compose(text, yaml.SafeLoader)
    keys = [key for key, _ in root.value]
    at = [key.value for key in keys].index(model_id)
    start = keys[at].start_mark.line
    end = keys[at + 1].start_mark.line if at + 1 < len(keys) else len(lines)
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return start, end


def _verify(
    compile_text: Any, file: str, old: dict[str, Any], after: str, model_id: str, fields: dict[str, Any]
) -> None:
    """Read what is about to be written: the new entry says what it should and no other one has changed.

    Appending fits the way people write such files, not every way that YAML can be written.
    """
    hint = "The file is left as it is. Write one entry after the other, each id at the beginning of a line."
    try:
        new = compile_text("models", after, file)["entries"]
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

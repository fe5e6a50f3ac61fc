"""Compiling `data/*.yaml` and the user's own catalogue: checked by pydantic at this door, trusted from then on.

Runs when a wheel is built, in a checkout when a YAML file has changed, and where a user has a catalogue.
Figures that follow from a model's tensors (count, active, shape) are computed here once, by the same code that counts
a user's config.json.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from dataclasses import fields as dataclass_fields
from functools import lru_cache, partial
from typing import Any, NamedTuple

import yaml
from pydantic import TypeAdapter, ValidationError

from llmscale.catalogue.entries import ModelEntry
from llmscale.catalogue.summaries import Outline
from llmscale.devices.device import Device
from llmscale.errors import InputFileError, LlmscaleError, UnsupportedModelError, UsageError
from llmscale.fit.bounds import Entry
from llmscale.formats.gguf.files import VocabularyEntry
from llmscale.formats.layout import AT, Format
from llmscale.formats.quality import Measurement, compile_quality
from llmscale.formats.recipe import REST, Quant
from llmscale.model.inventory import Inventory
from llmscale.model.shape import Sketch, shape_of
from llmscale.model.spec import ModelSpec
from llmscale.names import normal
from llmscale.store.tables import SIZES
from llmscale.units import MAX_COUNT, parse_count

#: Fields of a model that are written with a suffix.
COUNTS = {"parameters", "active_parameters", "training_tokens"}
#: Fields that no file gives.
COMPUTED = {"id", "counted", "counted_active", "origin"}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML that refuses a key given twice, which plain YAML silently lets win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys: list[Any] = []
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in keys:
                raise yaml.constructor.ConstructorError(None, None, f"'{key}' is given twice", key_node.start_mark)
            keys.append(key)
        return super().construct_mapping(node, deep)  # type: ignore[no-any-return]


def compile_table(name: str, path: str) -> dict[str, Any]:
    """Read and check the YAML that table `name` is made from.

    Raises:
        InputFileError: not YAML, or an entry that does not fit its schema, by file, entry and field.
    """
    return compile_text(name, _text(path), path)


def read_mapping(path: str) -> tuple[dict[Any, Any], _Source]:
    """What a YAML file of named fields says, and where, for messages.

    Raises:
        InputFileError: it cannot be read, is not YAML, or is no mapping.
    """
    text = _text(path)
    raw = _yaml(text, path)
    if not isinstance(raw, dict):
        raise InputFileError(f"{path} must map fields to values.")
    return raw, _Source(path, text)


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise InputFileError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from None
    except UnicodeDecodeError:
        raise InputFileError(f"{path} cannot be read: it is not UTF-8 text.") from None


def compile_text(name: str, text: str, path: str) -> dict[str, Any]:
    """Like `compile_table`, of the `text` that stands or shall stand in the file at `path`."""
    if name in _OF_MODELS:
        return _OF_MODELS[name](_Source(path, text))
    raw = _yaml(text, path)
    if name == "quality":
        return _quality(raw, _Source(path, text))
    if name == "speed" and isinstance(raw, dict):
        return raw  # written by benchmarks/fit_speed.py, not by hand
    if not isinstance(raw, dict):
        raise InputFileError(f"{path} must map ids to entries.")
    return _COMPILERS[name](raw, _Source(path, text))


def _yaml(text: str, path: str) -> Any:
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise InputFileError(f"{path}{line} cannot be read as YAML: {error.problem or error.context}.") from None
    except RecursionError:
        raise InputFileError(f"{path} cannot be read: it is nested too deeply.") from None
    # Dates that do not exist and numbers without end are plain ValueErrors of the YAML library.
    except (yaml.YAMLError, ValueError) as error:
        raise InputFileError(f"{path} cannot be read: {' '.join(str(error).split())}.") from None


@dataclass(frozen=True)
class _Source:
    """The file that is compiled, to say in a message where something stands."""

    path: str
    text: str

    def error(self, keys: tuple[Any, ...], message: str, hint: str = "") -> InputFileError:
        """An error about what stands under `keys`, or under as many of them as there are."""
        return InputFileError(f"{self.path}, line {self._line(keys)}: {message}", hint)

    def _line(self, keys: tuple[Any, ...]) -> int:
        # Composed again because lines are wanted after an error only, and keeping them costs every reading.
        node, line = yaml.compose(self.text, yaml.SafeLoader), 0
        for key in keys:
            found = [pair for pair in getattr(node, "value", []) if _is_key(pair, str(key))]
            if not found:
                break
            line, node = found[0][0].start_mark.line, found[0][1]
        return line + 1


def _is_key(pair: Any, key: str) -> bool:
    return isinstance(pair, tuple) and pair[0].value == key


@dataclass(frozen=True)
class _Misnomer:
    """The answer to a name that no model has."""

    answer: str
    suggest: list[str] = field(default_factory=list)


class _Catalogue(NamedTuple):
    """The models of one file, with the spec and the inventory of those that have a config."""

    entries: dict[str, dict[str, Any]]
    misnomers: dict[str, Any]
    specs: dict[str, ModelSpec]
    parts: dict[str, Inventory]


@lru_cache(maxsize=1)
def _catalogue(source: _Source) -> _Catalogue:
    """Several tables are made of the same models; counting them takes seconds, so the last file's are kept."""
    from llmscale.model.families import from_config
    from llmscale.model.inventory import inventory

    raw = _yaml(source.text, source.path)
    raw = {} if raw is None else raw  # a user's catalogue may hold nothing yet
    if not isinstance(raw, dict):
        raise InputFileError(f"{source.path} must map ids to entries.")
    misnomers = _misnomers(raw.pop("misnomers", None) or {}, source)
    found = _Catalogue(_checked(raw, ModelEntry, source, _model_fields), misnomers, {}, {})
    for key, entry in found.entries.items():
        if not entry["config"]:
            continue
        try:
            found.specs[key] = from_config(entry["config"], f"catalogue entry {key}")
            found.parts[key] = inventory(found.specs[key])
        except LlmscaleError as error:
            raise type(error)(source.error((key, "config"), error.message).message, error.hint) from None
        entry.update(counted=found.parts[key].total(), counted_active=found.parts[key].active())
    return found


def _models(source: _Source) -> dict[str, Any]:
    found = _catalogue(source)
    entries = {key: dict(entry) for key, entry in found.entries.items()}
    return {"entries": entries, "names": _names(entries, source), "misnomers": found.misnomers}


def _misnomers(raw: Any, source: _Source) -> dict[str, Any]:
    try:
        checked = TypeAdapter(dict[str, _Misnomer]).validate_python(raw)
    except ValidationError as error:
        first = error.errors()[0]
        keys = ("misnomers", *first["loc"])
        raise source.error(keys, f"{_dotted(keys)}: {first['msg']}.") from None
    return {name: asdict(misnomer) for name, misnomer in checked.items()}


def _outlines(source: _Source) -> dict[str, Any]:
    """What is asked of every model at once, apart from all else that is known of it; see `Outline`."""
    from llmscale.model.families import published_in
    from llmscale.speed.motion import motion

    found = _catalogue(source)
    outlines: dict[str, Any] = {}
    for key, entry in found.entries.items():
        told = Outline(
            id=key,
            name=entry["name"],
            source=entry["source"],
            text=entry["modality"] == "text",
            parameters=entry["counted"] or entry["parameters"],
            active=entry["counted_active"] or entry["active_parameters"],
            limit=entry["context"],
            published_in=published_in(entry["config"] or {}),
        )
        if key in found.specs:
            spec, parts = found.specs[key], found.parts[key]
            moves = list(motion(parts))
            told = told._replace(
                limit=told.limit or spec.max_context, family=spec.family, shape=_shape(spec, parts), motion=moves
            )
        if told.parameters:
            outlines[key] = list(told)
    return outlines


def _shape(spec: ModelSpec, parts: Inventory) -> list[Any]:
    from llmscale.runtimes.transformers.runtime import points_of

    return list(shape_of(spec)._replace(llama_cpp=_sketch(spec, parts), transformers=points_of(spec)))


def _sketch(spec: ModelSpec, parts: Inventory) -> Sketch | None:
    """What llama.cpp makes of the model, where it can load it."""
    from llmscale.formats.gguf import convert
    from llmscale.runtimes.llama_cpp.simulate import sketch_of

    try:
        convert(spec, parts)
    except UnsupportedModelError:
        return None
    return sketch_of(spec)


def _sizes(source: _Source, runtime: str) -> dict[str, dict[str, list[int]]]:
    """Bytes of every model's weights in every quant of `runtime` that it can be had in.

    All bytes; of GGUF also those that stay in RAM, that a token reads, and of the experts.
    """
    from llmscale.formats.catalogue import quants
    from llmscale.formats.weights import allot, host_bytes
    from llmscale.speed.motion import read_bytes

    every = [quant for quant in quants() if quant.runtime == runtime]
    found = _catalogue(source)
    sizes: dict[str, dict[str, list[int]]] = {}
    for key, spec in found.specs.items():
        parts = found.parts[key]
        sizes[key] = {}
        for quant in every:
            try:
                allotted = allot(quant, spec, parts)
            except UnsupportedModelError:
                continue
            size = sum(each.bytes for each in allotted)
            more = (host_bytes(allotted), *read_bytes(parts, allotted)) if quant.kind == "gguf" else ()
            sizes[key][quant.id] = [size, *more]
    return sizes


def _model_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Counts as people write them (``6.74B``) become integers; a config is JSON."""
    if fields.get("config"):
        _as_json(fields["config"])
    out = {key: _count(key, value) if key in COUNTS else value for key, value in fields.items()}
    if isinstance(out.get("rumours"), list):
        out["rumours"] = [
            {key: _count(f"rumours.{key}", value) if key in ("low", "high") else value for key, value in rumour.items()}
            if isinstance(rumour, dict)
            else rumour
            for rumour in out["rumours"]
        ]
    return out


def _as_json(config: Any) -> None:
    """Published configs are JSON; YAML knows dates and infinities besides, which no later step expects."""
    try:
        json.dumps(config, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"config: is not what JSON can hold: {error}") from None


def _count(name: str, value: Any) -> Any:
    try:
        return parse_count(value, "count") if isinstance(value, str) else value
    except UsageError as error:
        raise ValueError(f"{name}: {error.message}") from None


def _devices(raw: dict[str, Any], source: _Source) -> dict[str, Any]:
    entries = _checked(raw, Device, source, dict)
    return {"entries": entries, "names": _names(entries, source)}


def _formats(raw: dict[str, Any], source: _Source) -> dict[str, Any]:
    entries = _checked(raw, Format, source, dict)
    return {"entries": entries, "names": _names(entries, source)}


def _quants(raw: dict[str, Any], source: _Source) -> dict[str, Any]:
    """Quants, whose rules must name formats that there are."""
    from llmscale.store.tables import table

    formats = table("formats")["entries"]
    entries = _checked(raw, Quant, source, dict)
    for key, entry in entries.items():
        if entry["kind"] not in ("rules", "gguf") or (entry["kind"] == "gguf") != bool(entry["preset"]):
            raise source.error((key, "kind"), f"{key}: kind is rules, or gguf with a preset.")
        if entry["kind"] == "rules" and REST not in entry["rules"]:
            raise source.error((key, "rules"), f"{key}: rules must say what '{REST}' takes.")
        for name in (*entry["rules"].values(), entry["narrow"]):
            if name.partition(AT)[0] not in formats and name != "refuse":
                raise source.error((key, "rules"), f"{key}: there is no number format '{name}'.")
    return {"entries": entries, "names": _names(entries, source)}


def _quality(raw: Any, source: _Source) -> dict[str, Any]:
    try:
        return compile_quality(TypeAdapter(list[Measurement]).validate_python(raw))
    except ValidationError as error:
        first = error.errors()[0]
        raise source.error((), f"{_dotted(first['loc'])}: {first['msg']}.") from None


def _vocabularies(raw: dict[str, Any], source: _Source) -> dict[str, Any]:
    return {"entries": _checked(raw, VocabularyEntry, source, dict)}


def _bounds(raw: dict[str, Any], source: _Source) -> dict[str, Any]:
    try:
        checked = TypeAdapter(dict[str, dict[str, Entry]]).validate_python(raw)
    except ValidationError as error:
        first = error.errors()[0]
        raise source.error(first["loc"], f"{_dotted(first['loc'])}: {first['msg']}.") from None
    return {"entries": {group: {part: asdict(e) for part, e in parts.items()} for group, parts in checked.items()}}


def _checked(raw: dict[str, Any], schema: type[Any], source: _Source, prepare: Any) -> dict[str, dict[str, Any]]:
    adapter = TypeAdapter(schema)
    known = {part.name for part in dataclass_fields(schema)} - COMPUTED
    entries = {}
    for key, given in raw.items():
        try:
            if not isinstance(given, dict):
                raise ValueError("must be a mapping of fields")
            if unknown := set(given) - known:
                raise ValueError(f"{min(map(str, unknown))}: no such field")
            fields = prepare(given)
            for name, value in fields.items():
                _bounded(name, value)
            entries[key] = asdict(adapter.validate_python({"id": key, **fields}))
        except ValidationError as error:
            first = error.errors()[0]
            raise source.error((key, *first["loc"]), f"{key}: {_dotted(first['loc'])}: {first['msg']}.") from None
        except ValueError as error:
            said = str(error).rstrip(".")
            raise source.error((key, *said.split(":")[0].split(".")), f"{key}: {said}.") from None
    return entries


def _dotted(keys: tuple[Any, ...]) -> str:
    return ".".join(str(key) for key in keys) or "entry"


def _bounded(name: str, value: Any) -> None:
    """Every number of an entry is above zero and finite, and a share is at most one."""
    numbers = value if isinstance(value, list) else [value]
    most = 1 if name == "gpu_share" else MAX_COUNT
    for number in numbers:
        if isinstance(number, (int, float)) and not isinstance(number, bool) and not 0 < number <= most:
            raise ValueError(f"{name}: {number} does not lie above 0 and up to {most:g}")


def _names(entries: dict[str, dict[str, Any]], source: _Source) -> dict[str, list[str]]:
    """Every spelling, as `normal` has it, to the ids that go by it; an id beats an alias of the same spelling."""
    names: dict[str, list[str]] = {}
    for key in entries:
        if names.setdefault(normal(key), [key]) != [key]:
            raise source.error((key,), f"'{key}' and '{names[normal(key)][0]}' are the same name.")
    ids = set(names)
    for key, entry in entries.items():
        aliases = [entry["name"], *entry["aliases"]]
        # A hub id is known by its last part too: meta-llama/Llama-2-7b-hf is Llama-2-7b-hf.
        tails = [alias.rpartition("/")[2] for alias in entry["aliases"] if "/" in alias]
        for alias in (*aliases, *tails):
            spelling = normal(alias)
            if spelling in ids:
                if names[spelling] != [key] and alias in entry["aliases"]:
                    raise source.error((key, "aliases"), f"alias '{alias}' of '{key}' is the id of another entry.")
                continue
            found = names.setdefault(spelling, [])
            if key not in found:
                found.append(key)
    return names


_COMPILERS = {
    "devices": _devices,
    "formats": _formats,
    "quants": _quants,
    "vocabularies": _vocabularies,
    "bounds": _bounds,
}
#: Tables that are made of the models.
_OF_MODELS: dict[str, Callable[[_Source], dict[str, Any]]] = {
    "models": _models,
    "outlines": _outlines,
    **{table: partial(_sizes, runtime=runtime) for runtime, table in SIZES.items()},
}

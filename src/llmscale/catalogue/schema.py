"""What `data/models.yaml` and a user's catalogue must look like; what follows from a config is counted here, once.

Counts, names and answers to misunderstandings come of it, by the same code that counts a user's config.json.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, field
from typing import Any

from llmscale.catalogue.entry import PURPOSES, ModelEntry
from llmscale.errors import InputFileError, LlmscaleError, UsageError
from llmscale.model.families import from_config
from llmscale.model.inventory import Inventory, inventory
from llmscale.model.spec import ModelSpec
from llmscale.names import normal, shortened
from llmscale.records import NamedTuple, dataclass
from llmscale.store.yaml_file import Entries, YamlFile, checked, spellings
from llmscale.units import parse_count

#: Fields that are written with a suffix.
COUNTS = {"parameters", "active_parameters", "training_tokens"}
#: What a model takes in.
MODALITIES = ("text", "vision", "audio", "multimodal")
#: A year, with a month, with a day; empty where it is not known.
_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
#: Fields that no file gives.
COMPUTED = frozenset({"id", "counted", "counted_active", "origin"})


@dataclass(frozen=True)
class Misnomer:
    """The answer to a name that no model has."""

    answer: str
    suggest: list[str] = field(default_factory=list)


class CountedFile(NamedTuple):
    """The models of one file, with the spec and the inventory of those that have a config."""

    entries: Entries
    misnomers: dict[str, Any]
    specs: dict[str, ModelSpec]
    inventories: dict[str, Inventory]


def check(file: YamlFile) -> dict[str, Any]:
    """The table ``models``: entries by id, every spelling of their names, misnomers.

    Raises:
        InputFileError: an entry that does not fit, or whose config cannot be counted.
    """
    entries: Entries = {}
    misnomers: dict[str, Any] = {}
    for part in file.parts():
        found = count(part)
        if twice := entries.keys() & found.entries.keys():
            raise part.error((min(twice),), f"'{min(twice)}' is given twice.")
        entries.update(found.entries)
        misnomers.update(found.misnomers)
    names = spellings(entries, file)
    for model_id, entry in entries.items():
        for alias in entry["variants"]:
            if names.get(normal(alias)) != [model_id]:
                raise file.error((model_id, "variants"), f"{model_id}: '{alias}' is no alias of it alone.")
    return {"entries": entries, "names": names, "misnomers": misnomers}


def count(file: YamlFile) -> CountedFile:
    """Every entry, checked and counted.

    Raises:
        InputFileError: as `check`.
    """
    raw = file.content()
    raw = {} if raw is None else raw  # a user's catalogue may hold nothing yet
    if not isinstance(raw, dict):
        raise InputFileError(f"{file.path} must map ids to entries.")
    misnomers = file.typed(raw.pop("misnomers", None) or {}, dict[str, Misnomer], "misnomers")
    entries = checked(raw, ModelEntry, file, _prepared, COMPUTED)
    found = CountedFile(entries, {name: asdict(misnomer) for name, misnomer in misnomers.items()}, {}, {})
    for key, entry in entries.items():
        if not entry["config"]:
            continue
        try:
            spec = from_config(entry["config"], f"catalogue entry {key}")
            parts = inventory(spec)
        except LlmscaleError as error:
            raise type(error)(file.error((key, "config"), error.message).message, error.hint) from None
        found.specs[key], found.inventories[key] = spec, parts
        entry.update(counted=parts.total(), counted_active=parts.active())
    return found


def _prepared(fields: dict[str, Any]) -> dict[str, Any]:
    """Counts as people write them (``6.74B``) become integers; a config is JSON."""
    if fields.get("config"):
        _as_json(fields["config"])
    _of_known_words(fields)
    out = {key: _whole(key, value) if key in COUNTS else value for key, value in fields.items()}
    if isinstance(out.get("rumours"), list):
        out["rumours"] = [
            {key: _whole(f"rumours.{key}", value) if key in ("low", "high") else value for key, value in rumour.items()}
            if isinstance(rumour, dict)
            else rumour
            for rumour in out["rumours"]
        ]
    return out


def _of_known_words(fields: dict[str, Any]) -> None:
    """What lists, filters and charts go by is one of what they know."""
    modality, released = fields.get("modality"), fields.get("released")
    if isinstance(modality, str) and modality not in MODALITIES:
        raise ValueError(f"modality: '{shortened(modality)}' is none of {', '.join(MODALITIES)}")
    made_for = fields.get("made_for") or []
    if unknown := [use for use in made_for if isinstance(use, str) and use not in PURPOSES]:
        raise ValueError(f"made_for: '{shortened(unknown[0])}' is none of {', '.join(PURPOSES)}")
    if isinstance(released, str) and released and not _DATE.fullmatch(released):
        raise ValueError(f"released: '{shortened(released)}' is no date; write 2025, 2025-01 or 2025-01-31")


def _as_json(config: Any) -> None:
    """Published configs are JSON; YAML knows dates and infinities besides, which no later step expects."""
    try:
        json.dumps(config, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"config: is not what JSON can hold: {error}") from None


def _whole(name: str, value: Any) -> Any:
    try:
        return parse_count(value, "count") if isinstance(value, str) else value
    except UsageError as error:
        raise ValueError(f"{name}: {error.message}") from None

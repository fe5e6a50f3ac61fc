"""What `data/formats.yaml`, `quants.yaml`, `quality.yaml`, `vocabularies.yaml` and `gguf_names.yaml` must look like."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from llmscale.formats.gguf.files import VocabularyEntry
from llmscale.formats.gguf.names import GgufNames
from llmscale.formats.layout import AT, Format
from llmscale.formats.quality import Measurement, compile_quality
from llmscale.formats.recipe import REFUSE, REST, Quant
from llmscale.store.tables import table
from llmscale.store.yaml_file import YamlFile, checked, spellings


def check_formats(file: YamlFile) -> dict[str, Any]:
    """The table ``formats``: number formats by id, and every spelling of their names.

    Raises:
        InputFileError: an entry that does not fit; so do all here.
    """
    entries = checked(file.mapping(), Format, file)
    return {"entries": entries, "names": spellings(entries, file)}


def check_quants(file: YamlFile) -> dict[str, Any]:
    """The table ``quants``, whose rules must name formats that there are."""
    formats = table("formats")["entries"]
    entries = checked(file.mapping(), Quant, file)
    for key, entry in entries.items():
        if entry["kind"] not in ("rules", "gguf") or (entry["kind"] == "gguf") != bool(entry["preset"]):
            raise file.error((key, "kind"), f"{key}: kind is rules, or gguf with a preset.")
        if entry["kind"] == "rules" and REST not in entry["rules"]:
            raise file.error((key, "rules"), f"{key}: rules must say what '{REST}' takes.")
        for name in (*entry["rules"].values(), entry["narrow"]):
            if name.partition(AT)[0] not in formats and name != REFUSE:
                raise file.error((key, "rules"), f"{key}: there is no number format '{name}'.")
    return {"entries": entries, "names": spellings(entries, file)}


def check_quality(file: YamlFile) -> dict[str, Any]:
    """The table ``quality``: what quants lose, by model."""
    return compile_quality(file.typed(file.content(), list[Measurement]))


def check_vocabularies(file: YamlFile) -> dict[str, Any]:
    """The table ``vocabularies``: those of GGUF files."""
    return {"entries": checked(file.mapping(), VocabularyEntry, file)}


def check_gguf_names(file: YamlFile) -> dict[str, Any]:
    """The table ``gguf_names``, whose exceptions must be those of architectures that there are."""
    given = file.typed(file.mapping("what is named to names"), GgufNames)
    known = set(given.architectures.values())
    for part in ("renamed", "dropped", "unnamed"):
        for arch in getattr(given, part):
            if arch not in known:
                raise file.error((part, arch), f"{part}: no model type has the architecture '{arch}'.")
    return asdict(given)

"""The model of a GGUF file: what its header says, and which model that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from types import MappingProxyType
from typing import Any

from llmscale.errors import InputFileError
from llmscale.formats.catalogue import quant
from llmscale.formats.recipe import AS_STORED, Quant, StoredTensor
from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec
from llmscale.names import visible
from llmscale.sources.gguf.config import Read
from llmscale.sources.gguf.generic import generic_spec
from llmscale.sources.gguf.header import GgufHeader, GgufTensor, LongArray, read_header
from llmscale.sources.gguf.match import match
from llmscale.sources.gguf.split import Files
from llmscale.sources.gguf.tensors import shapes, stored_tensors
from llmscale.sources.interface import Loaded

#: What a file holds besides a model (gguf-py: `GGUFType`), and what is said of it.
OTHER = {
    "adapter": "a LoRA adapter, not a model",
    "imatrix": "an importance matrix, not a model",
    "mmproj": "the towers that stand beside a model (mmproj)",
}
TOWERS = "clip"
#: A quant that is read by whatever reads such files.
LIKE = "q8_0"
NOT_SAID: Mapping[str, int] = MappingProxyType({})


def load_files(reference: str, files: Files, catalogue: str | None, sizes: Mapping[str, int] = NOT_SAID) -> Loaded:
    """The model in `files`.

    Args:
        sizes: bytes of whole files, by path, of which only the beginning is at hand.

    Raises:
        InputFileError: missing, cut off, or not what such files hold.
    """
    return _loaded(reference, files.called, [read_header(path, sizes.get(path)) for path in files.paths], catalogue)


def _loaded(reference: str, called: str, headers: Sequence[GgufHeader], catalogue: str | None) -> Loaded:
    metadata, infos = headers[0].metadata, [info for header in headers for info in header.tensors]
    _refuse_repeated(reference, infos)
    arch = metadata.get("general.architecture")
    if not isinstance(arch, str) or not infos:
        raise InputFileError(
            f"'{reference}' holds no model: it has {len(infos)} tensors"
            f"{'' if isinstance(arch, str) else ' and names no architecture'}.",
            "A vocabulary or a part of a model alone says nothing of it.",
        )
    read = Read(arch, metadata, shapes(infos))
    if read.layers > len(infos):  # before anything is made for each of them
        raise InputFileError(
            f"'{reference}' says that it has {read.layers:,} layers, and it has {len(infos):,} tensors.",
            "It may be damaged: download it again.",
        )
    stored = stored_tensors(infos, read.layers, read.number("expert_used_count"))
    found = match(read, catalogue)
    spec = found.spec if found else generic_spec(read, stored)
    title = metadata.get("general.name")
    warnings = (*_said(read, spec, found.extra if found else None), *_missing(headers))
    named = replace(
        spec,
        id=visible(reference, 200),
        name=visible(title, 80) if isinstance(title, str) and title else called,
        source=reference,
        published_in="",
        warnings=(*spec.warnings, *warnings),
    )
    size = sum(header.file_bytes for header in headers)
    return Loaded(named, stored=_quant(stored, size), beside=tuple(_beside(metadata)))


def _refuse_repeated(reference: str, infos: Sequence[GgufTensor]) -> None:
    if len({info.name for info in infos}) < len(infos):
        raise InputFileError(f"'{reference}': two of its parts name the same tensor.", "Download them again.")


def _quant(stored: tuple[StoredTensor, ...], file_bytes: int) -> Quant:
    """The quant of the file."""
    weights = sum(each.bytes for each in stored)
    elements = sum(each.group.parameters for each in stored)
    return replace(
        quant(LIKE),
        id=AS_STORED,
        name="as stored",
        preset="",
        bits=8 * weights / elements,
        source="the file itself",
        aliases=[],
        stored=stored,
        file_bytes=file_bytes,
    )


def _said(read: Read, spec: ModelSpec, extra: tuple[str, ...] | None) -> list[str]:
    """What a reader must know of the model."""
    arch = visible(read.arch, 40)
    if extra is None:
        kind = OTHER.get(str(read.metadata.get("general.type"))) or (OTHER["mmproj"] if read.arch == TOWERS else "")
        if kind:
            return [f"The file is {kind}."]
        return [
            f"No model that llmscale knows has the tensors of this file (architecture '{arch}'): weights are exact, "
            "the KV cache follows from its metadata, compute is taken for a LLaMA's."
        ]
    if not extra:
        return []
    elements = sum(prod(read.shapes[name]) for name in extra)
    if not elements * 1000 > inventory(spec).total():
        return []
    return [
        f"The file has {len(extra)} more tensors than the model, with {elements:,} parameters "
        f"({visible(extra[0], 40)} …): counted in its bytes, not in the model's parameters."
    ]


def _missing(headers: Sequence[GgufHeader]) -> Iterator[str]:
    """That a file ends before its tensors do."""
    missing = sum(max(0, header.needed - header.file_bytes) for header in headers)
    if missing:
        yield f"The file is cut short: {missing:,} bytes of its tensors are missing. Numbers are those of its header."


def _beside(metadata: Mapping[str, Any]) -> Iterator[str]:
    """What the file holds besides tensors."""
    tokens, merges = (metadata.get(f"tokenizer.ggml.{part}") for part in ("tokens", "merges"))
    template = metadata.get("tokenizer.chat_template")
    if isinstance(tokens, LongArray):
        joined = f", {merges.items:,} merges ({merges.bytes:,} bytes)" if isinstance(merges, LongArray) else ""
        yield f"The file holds a vocabulary of {tokens.items:,} tokens ({tokens.bytes:,} bytes){joined}."
    if isinstance(template, str):
        yield f"The file holds a chat template of {len(template.encode()):,} bytes."

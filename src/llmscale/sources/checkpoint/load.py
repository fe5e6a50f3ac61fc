"""The model of a checkpoint: its tensors as they stand there, and its config where one lies beside that we can read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from types import MappingProxyType
from typing import Any

from llmscale.errors import InputFileError, UnsupportedModelError
from llmscale.formats.catalogue import quant
from llmscale.formats.gguf.names import stripped
from llmscale.formats.recipe import AS_STORED, Quant, StoredTensor
from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec, PlacedBlock
from llmscale.names import visible
from llmscale.sources.checkpoint.files import files_of
from llmscale.sources.checkpoint.header import CheckpointHeader, CheckpointTensor, read_header
from llmscale.sources.checkpoint.packing import is_beside, weights_of
from llmscale.sources.checkpoint.pytorch import ENDINGS, read_pytorch
from llmscale.sources.checkpoint.tensors import pattern_of, roles_of, stored_tensors
from llmscale.sources.config_json import read
from llmscale.sources.file_tensor import placed_tensors
from llmscale.sources.interface import Loaded, LoadOptions
from llmscale.sources.params_json import FILE as PARAMS
from llmscale.sources.params_json import read_params

CONFIG, ADAPTER = "config.json", "adapter_config.json"
#: Names that a message has room for.
SHOWN = 3
#: The quant whose own runtime loads any checkpoint as it is.
LIKE = "bf16"
NOT_SAID: Mapping[str, int] = MappingProxyType({})


def load_checkpoint(
    reference: str, path: str, said: LoadOptions, sizes: Mapping[str, int] = NOT_SAID, only: tuple[str, ...] = ()
) -> Loaded:
    """The model of the files that `path` names.

    Args:
        sizes: bytes of whole files, by path, of which only the beginning is at hand.
        only: the files of a folder that count; empty for all that belong together.

    Raises:
        InputFileError: missing, damaged, or no checkpoint.
    """
    paths = only or files_of(path)
    headers = [header_of(each, sizes.get(each)) for each in paths]
    infos = [info for header in headers for info in header.tensors]
    if len({info.name for info in infos}) < len(infos):
        raise InputFileError(f"'{reference}': two files name the same tensor.", "Name one checkpoint.")
    if not infos:
        raise InputFileError(f"'{reference}' holds no tensors.")
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    config = _beside(folder, CONFIG)
    known, why = _known(config, folder, said)
    stored = stored_tensors(infos, roles_of(inventory(known)) if known else {})
    spec = known or _unknown(infos, config)
    notes = [*_differences(known, infos, config), why, _adapter(folder, infos), *_missing(headers)]
    called = os.path.basename(os.path.abspath(path)) or reference
    named = replace(
        spec,
        id=visible(reference, 200),
        name=visible(called, 80),
        source=reference,
        warnings=(*spec.warnings, *(note for note in notes if note)),
    )
    return Loaded(named, stored=_quant(stored, sum(header.file_bytes for header in headers)))


def header_of(path: str, file_bytes: int | None = None) -> CheckpointHeader:
    """The header of a file, by its ending.

    Raises:
        InputFileError: as `read_header` and `read_pytorch`.
    """
    return read_pytorch(path) if path.endswith(ENDINGS) else read_header(path, file_bytes)


def _beside(folder: str, name: str) -> dict[str, Any]:
    """The JSON object in a file of the folder; empty where there is no such file."""
    path = os.path.join(folder, name)
    return read(path) if os.path.isfile(path) else {}


def _known(config: Mapping[str, Any], folder: str, said: LoadOptions) -> tuple[ModelSpec | None, str]:
    """The spec of the config, or why there is none."""
    from llmscale.model.families import from_config

    if not config and os.path.isfile(os.path.join(folder, PARAMS)):
        return read_params(folder), ""
    if not config:
        return None, "No config.json lies beside it: weights are exact, all else is that of models of about its size."
    # MLX writes how it quantised under a key of its own, which changes no tensor of the model.
    own = {key: value for key, value in config.items() if key != "quantization"}
    try:
        return from_config(own, os.path.join(folder, CONFIG), said.assume), ""
    except UnsupportedModelError as error:
        return None, f"{visible(error.message, 160)} Weights are exact, all else is that of models of about its size."


def _unknown(infos: Sequence[CheckpointTensor], config: Mapping[str, Any]) -> ModelSpec:
    """A model of which only the tensors are known, unpacked where they are quantised."""
    placed: tuple[PlacedBlock, ...] = tuple(
        placed_tensors(each.group for each in stored_tensors(weights_of(infos, config), {}))
    )
    return ModelSpec(id="", name="", source="", family="", placed=placed)


def _differences(
    known: ModelSpec | None, infos: Sequence[CheckpointTensor], config: Mapping[str, Any]
) -> Iterator[str]:
    """Which tensors the files have and the config's own inventory has not, and the other way round."""
    if known is None:
        return
    names = {info.name for info in infos}
    parts = inventory(known)
    wanted = {stripped(group.name): group for group in parts.groups if group.tied_to is None}
    tied = {stripped(group.name) for group in parts.groups if group.tied_to is not None}
    have: dict[str, int] = {}
    for info in weights_of((each for each in infos if not is_beside(each.name, names)), config):
        pattern = stripped(pattern_of(info.name)[0])
        have[pattern] = have.get(pattern, 0) + prod(info.shape)
    missing = [name for name in wanted if name not in have]
    extra = [name for name in have if name not in wanted and name not in tied]
    if 2 * len(missing) >= len(wanted):  # they have names of another program's
        return
    if missing:
        lost = sum(wanted[name].parameters for name in missing)
        yield f"The files lack {_some(missing)} of the config's model ({lost:,} parameters)."
    if extra:
        more = sum(have[name] for name in extra)
        yield (
            f"The files hold {_some(extra)} besides the config's model ({more:,} parameters): "
            "in their bytes, not in its count."
        )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(visible(name) for name in names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more kinds of tensor"


def _adapter(folder: str, infos: Sequence[CheckpointTensor]) -> str:
    """What a LoRA adapter adds."""
    config = _beside(folder, ADAPTER)
    if not config:
        return ""
    size, count = sum(info.bytes for info in infos), sum(prod(info.shape) for info in infos)
    base, rank = visible(config.get("base_model_name_or_path") or "its base"), visible(config.get("r", "?"), 12)
    return f"A LoRA adapter of rank {rank}: it adds {count:,} parameters and {size:,} bytes to {base}."


def _missing(headers: Sequence[CheckpointHeader]) -> Iterator[str]:
    missing = sum(max(0, header.needed - header.file_bytes) for header in headers)
    if missing:
        yield f"The files are cut short: {missing:,} bytes of tensors are missing. Numbers are those of the headers."


def _quant(stored: tuple[StoredTensor, ...], file_bytes: int) -> Quant:
    elements = sum(each.group.parameters for each in stored)
    plain = quant(LIKE)
    return replace(
        plain,
        id=AS_STORED,
        name="as stored",
        rules={},
        bits=8 * sum(each.bytes for each in stored) / max(1, elements),
        source="the files themselves",
        readers=[plain.runtime],  # others make of the tensors what their own formats need
        aliases=[],
        stored=stored,
        file_bytes=file_bytes,
    )

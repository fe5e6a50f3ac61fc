"""What the oracle counts, and what of our own inventory it records. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from llmscale.catalogue import entries as catalogue
from llmscale.model.families import from_config
from llmscale.model.inventory import Inventory, TensorGroup, inventory

CONFIGS = Path(__file__).parent / "configs"
_DEPTH = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_DECODER = ("num_decoder_layers", "encoder_layers", "decoder_layers")

Shape = tuple[int, ...]


class Subject(NamedTuple):
    """A config: of the catalogue, under its id there, or a file of ``configs/``, under ``configs/<name>``."""

    id: str
    config: dict[str, Any]

    @property
    def model_type(self) -> str:
        return str(self.config["model_type"])

    def inventory(self) -> Inventory:
        return inventory(from_config(self.config, self.id))


def subjects() -> Iterator[Subject]:
    """Every config of the catalogue, in its order, then every file."""
    for entry in catalogue.entries():
        if entry.config:
            yield Subject(entry.id, entry.config)
    for path in sorted(CONFIGS.glob("*.json")):
        yield Subject(f"configs/{path.stem}", json.loads(path.read_text(encoding="utf-8")))


def in_layers(group: TensorGroup) -> Iterator[tuple[str, Shape, int]]:
    """Name, shape and number of the group's tensors, layer by layer; ``{expert}`` still stands for all experts.

    Experts whose name has no number are one tensor with the experts along its first axis.
    """
    apart = "{expert}" in group.name
    shape = group.shape if apart or group.experts == 1 else (group.experts, *group.shape)
    names = [group.name.replace("{layer}", str(layer)) for layer in group.layers] or [group.name]
    for name in names:
        yield name, shape, group.experts if apart else 1


def tensors(group: TensorGroup) -> Iterator[tuple[str, Shape]]:
    """Name and shape of every single tensor of the group."""
    for name, shape, count in in_layers(group):
        if "{expert}" in name:
            for expert in range(count):
                yield name.replace("{expert}", str(expert)), shape
        else:
            yield name, shape


def fingerprint(ours: Inventory) -> dict[str, Any]:
    """What a later change of names, shapes or counts would change."""
    rows = [row for group in ours.groups for row in in_layers(group)]
    lines = sorted(f"{name} {'x'.join(map(str, shape))} {count}" for name, shape, count in rows)
    return {
        "total": ours.total(),
        "untied_total": ours.untied_total(),
        "tensors": sum(count for _, _, count in rows),
        "digest": sha256("\n".join(lines).encode()).hexdigest()[:16],
    }


def shortened(config: dict[str, Any], layers: int) -> dict[str, Any]:
    """The config of a model with at most so many layers; lists of one entry a layer are cut with it."""
    copy: dict[str, Any] = json.loads(json.dumps(config))
    text = copy.get("text_config")
    part = text if isinstance(text, dict) else copy
    depth = next((part[key] for key in _DEPTH if isinstance(part.get(key), int)), None)
    if depth is None or depth <= layers:
        return copy
    for key, value in part.items():
        if key in _DEPTH or (key in _DECODER and isinstance(value, int)):
            part[key] = min(layers, value)
        elif (isinstance(value, list) or key == "hybrid_override_pattern") and len(value) == depth:
            part[key] = value[:layers]
    return copy

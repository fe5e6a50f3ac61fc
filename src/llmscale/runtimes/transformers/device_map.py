"""What ``device_map="auto"`` puts on each of several unlike devices: by the weights and what is free at loading alone.

Read in transformers (0086c24: ``integrations/accelerate.py``, `get_balanced_memory`, `infer_auto_device_map`) and the
same of accelerate (16cb6eb: ``utils/modeling.py``): every device but the last may have an equal share of the weights
and 1.25 layers, or what is free of it; modules go in their order to the first that has room for them, on the first
device beside the largest of those that are still to come, and never back. Sequences and tokens are not asked about.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmscale.formats.recipe import StoredTensor
from llmscale.records import NamedTuple
from llmscale.speed.load import TOWERS

#: Layers that each device may have beyond its share.
MORE = 1.25
_LAYER = "{layer}"


class Module(NamedTuple):
    """What is not cut: bytes, and whether it is a layer."""

    bytes: int
    layer: bool


class Dealt(NamedTuple):
    """Bytes of weights, and layers, on each device; the last also has what no device has room for."""

    weights: tuple[int, ...]
    layers: tuple[int, ...]


def modules_of(stored: Sequence[StoredTensor]) -> list[Module]:
    """What is dealt out, in its order: towers and embeddings, each layer, then norms and the head."""
    before = after = 0
    stacks: dict[str, int] = {}
    layers: dict[tuple[int, int], int] = {}
    for tensor in stored:
        group = tensor.group
        if group.layers and group.component not in TOWERS:
            each = tensor.bytes // len(group.layers)
            stack = stacks.setdefault(group.name.partition(_LAYER)[0], len(stacks))
            for number in group.layers:
                layers[stack, number] = layers.get((stack, number), 0) + each
        elif group.component == "embedding" or group.component in TOWERS:
            before += tensor.bytes
        else:
            after += tensor.bytes
    found = [Module(before, False), *(Module(layers[key], True) for key in sorted(layers)), Module(after, False)]
    return [module for module in found if module.bytes]


def dealt(modules: Sequence[Module], rooms: Sequence[int]) -> Dealt:
    """The modules on devices of which so many bytes are free; one of which nothing is gets none."""
    used = [number for number, room in enumerate(rooms) if room > 0] or [len(rooms) - 1]
    share = sum(module.bytes for module in modules) // len(used)
    share += int(MORE * max((module.bytes for module in modules if module.layer), default=0))
    most = {number: min(share, rooms[number]) for number in used[:-1]}
    weights, layers, at = [0] * len(rooms), [0] * len(rooms), 0
    for number, module in enumerate(modules):
        while at < len(used) - 1:
            kept = max((later.bytes for later in modules[number + 1 :]), default=0) if at == 0 else 0
            if weights[used[at]] + module.bytes <= most[used[at]] - kept:
                break
            at += 1
        weights[used[at]] += module.bytes
        layers[used[at]] += module.layer
    return Dealt(tuple(weights), tuple(layers))

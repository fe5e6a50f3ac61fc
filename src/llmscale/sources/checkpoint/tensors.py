"""The tensors of a checkpoint as groups alike, each in the type that it has there.

Roles are those of the config's own inventory where the names are its; else they go by the words that published
checkpoints have in common. What nothing names counts as ``other``; its bytes are exact all the same.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from llmscale.formats.catalogue import format_of
from llmscale.formats.layout import Format, Plane
from llmscale.formats.recipe import StoredTensor
from llmscale.model.inventory import Inventory, TensorGroup
from llmscale.records import NamedTuple
from llmscale.sources.checkpoint.header import BITS, CheckpointTensor

#: The first number after one of these is a layer; that behind ``experts.`` an expert.
LAYER = re.compile(r"(?<![a-z])(layers?|h|blocks?|layer_list)\.(\d{1,5})(?=\.)")
EXPERT = re.compile(r"(?<![a-z])experts\.(\d{1,5})(?=\.)")
#: Words of a name to a role, the first that is found.
WORDS = (
    (r"(^|\.)(vision|visual)", "vision.tensor"),
    (r"(^|\.)audio", "audio.tensor"),
    (r"projector", "projector.tensor"),
    (r"norm|(^|\.)ln_", "norm"),
    (r"lm_head|embed_out|(^|\.)output\.", "head.out"),
    (r"embed_positions|wpe\.|position_embeddings", "embedding.position"),
    (r"embed|wte\.", "embedding.token"),
    (r"shared_expert", "shared_experts.tensor"),
    (r"experts", "experts.tensor"),
    (r"router|(mlp|moe|feed_forward)\.gate\.", "router.weight"),
    (r"q_proj|\.wq\.", "attention.q"),
    (r"k_proj|\.wk\.", "attention.k"),
    (r"v_proj|\.wv\.", "attention.v"),
    (r"o_proj|\.wo\.", "attention.o"),
    (r"attn|attention", "attention.tensor"),
    (r"gate_proj|\.w1\.", "mlp.gate"),
    (r"up_proj|\.w3\.", "mlp.up"),
    (r"down_proj|\.w2\.", "mlp.down"),
    (r"mlp|feed_forward|fc\d?\.|ffn", "mlp.tensor"),
    (r"mamba|mixer|ssm|conv1d|linear_attn", "recurrent.tensor"),
)


#: Types that go by a name of ours.
PLAIN = {"F32": "fp32", "F16": "fp16", "BF16": "bf16"}
#: Bits of which several share a byte.
NARROW = {4: Plane(1, 2), 6: Plane(3, 4)}


class Role(NamedTuple):
    """What a tensor is to the model."""

    role: str
    component: str
    used: int


def type_format(dtype: str) -> Format:
    """The number format of a safetensors type."""
    if dtype in PLAIN:
        return format_of(PLAIN[dtype])
    bits = BITS[dtype]
    plane = NARROW[bits] if bits in NARROW else Plane(bits // 8)
    return Format(dtype.lower(), dtype, bits, [plane], "safetensors: Dtype", flat=True)


def pattern_of(name: str) -> tuple[str, int | None, int | None]:
    """The name with ``{layer}`` and ``{expert}`` in it, and their numbers."""
    layer = LAYER.search(name)
    if layer:
        name = f"{name[: layer.start(2)]}{{layer}}{name[layer.end(2) :]}"
    expert = EXPERT.search(name)
    if expert:
        name = f"{name[: expert.start(1)]}{{expert}}{name[expert.end(1) :]}"
    return name, int(layer[2]) if layer else None, int(expert[1]) if expert else None


def stored_tensors(infos: Iterable[CheckpointTensor], roles: Mapping[str, Role]) -> tuple[StoredTensor, ...]:
    """The tensors, those alike together.

    Args:
        roles: of names with ``{layer}`` and ``{expert}``, where they are known.
    """
    alike: dict[tuple[str, tuple[int, ...], str], Counter[int | None]] = defaultdict(Counter)
    for info in infos:
        pattern, layer, _ = pattern_of(info.name)
        alike[pattern, info.shape, info.dtype][layer] += 1
    found = []
    for (pattern, shape, dtype), counts in alike.items():
        role = roles.get(pattern) or guessed(pattern)
        form = type_format(dtype)
        for number in sorted(set(counts.values())):
            layers = tuple(sorted(layer for layer, each in counts.items() if each == number and layer is not None))
            used = min(number, role.used) if number > 1 else 1
            group = TensorGroup(pattern, role.role, role.component, shape, layers, number, used, None)
            found.append(StoredTensor(group, form))
    return tuple(found)


def guessed(pattern: str) -> Role:
    """A role by the words of the name."""
    role = next((role for words, role in WORDS if re.search(words, pattern)), "other.tensor")
    return Role(role, role.partition(".")[0], 1)


def roles_of(parts: Inventory) -> dict[str, Role]:
    """The roles of a model's own tensors, by name."""
    return {group.name: Role(group.role, group.component, group.experts_used) for group in parts.groups}

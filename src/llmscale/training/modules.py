"""The modules of a model as its class in PyTorch has them: what a peft method can name and adapt.

A module is a tensor group's name without its last part. The class of transformers 5 differs from the published
checkpoint in what the tables below say. The linear layers in ``named_modules()`` of the real classes (transformers
5.24.0, on the meta device) were compared for the model types in `COMPARED`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

from llmscale.model.inventory import TensorGroup, inventory
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple


class Kind(Enum):
    """What class a module is of."""

    LINEAR = "linear"
    CONV1D = "conv1d"  # GPT-2's linear layer, stored (inputs, outputs)
    EMBEDDING = "embedding"
    EXPERTS = "experts"  # one tensor holds a matrix of all experts
    ROUTER = "router"  # a matrix that is a bare parameter
    OTHER = "other"


class Module(NamedTuple):
    """Modules alike, one in each layer.

    Attributes:
        name: with ``{layer}`` where the number stands.
        inputs, outputs: widths of a matrix; rows and width of an embedding.
        bias: elements of its bias; 0 without.
        shapes: its tensors.
        copies: how many there are.
        head: whether it makes the logits.
        experts: matrices in one tensor; 1 for others.
    """

    name: str
    kind: Kind
    inputs: int
    outputs: int
    bias: int
    shapes: tuple[tuple[int, ...], ...]
    copies: int
    head: bool = False
    experts: int = 1

    @property
    def label(self) -> str:
        """The last part of its name, by which people name it."""
        return self.name.rpartition(".")[2]


VIT = {
    "attention.attention.query": "attention.q_proj",
    "attention.attention.key": "attention.k_proj",
    "attention.attention.value": "attention.v_proj",
    "attention.output.dense": "attention.o_proj",
    "intermediate.dense": "mlp.fc1",
    "output.dense": "mlp.fc2",
    "mlp.weights_in": "mlp.gate_up_proj",
    "mlp.weights_out": "mlp.down_proj",
}
#: model type -> ends of names in the checkpoint -> in the class
RENAMED: dict[str, dict[str, str]] = {
    "vit": VIT,
    "swin": {end.replace("attention.attention", "attention.self"): name for end, name in VIT.items()},
    "gpt_neox": {"embed_out": "lm_head"},
    "phimoe": {"block_sparse_moe.gate": "mlp.router"},
}
#: model types whose router is a linear layer
LINEAR_ROUTER = frozenset({"phimoe"})
#: model types that look one table up under two names
EMBEDDED_TWICE = frozenset({"t5", "mt5"})
#: Model types whose linear layers were found the same as in the class, by the last part of their names and by count.
COMPARED = (
    *("bart", "bert", "bloom", "clip", "cohere", "cohere2", "deberta-v2", "deepseek_v2", "deepseek_v3"),
    *("deepseek_v32", "distilbert", "exaone4", "falcon_h1", "gemma", "gemma2", "gemma3", "gemma3_text", "glm"),
    *("glm4", "glm4_moe", "glm_moe_dsa", "gpt2", "gpt_neox", "gpt_oss", "granite", "hunyuan_v1_dense"),
    *("jamba", "llama", "llava", "mamba", "mimo_v2_flash", "mistral", "mixtral", "modernbert", "mt5"),
    *("nemotron", "olmo2", "opt", "paligemma", "phi", "phi3", "phimoe", "qwen2", "qwen2_5_vl", "qwen2_moe"),
    *("qwen3", "qwen3_moe", "qwen3_next", "qwen3_vl", "qwen3_vl_moe", "roberta", "rwkv", "smollm3"),
    *("stablelm", "starcoder2", "swin", "t5", "vit", "whisper", "xlm-roberta"),
)
#: Model types whose class was found to hold other linear layers than the checkpoint, in ways that no table here says.
DIFFERENT = frozenset({"dinov2", "llama4"})


def modules(spec: ModelSpec) -> list[Module]:
    """All modules that hold tensors of their own, in the order of the forward pass."""
    found: dict[tuple[str, tuple[int, ...]], list[TensorGroup]] = {}
    for group in inventory(spec).groups:
        if group.role != "router.correction_bias":  # a buffer of the class
            found.setdefault((_owner(group), group.layers), []).append(group)
    listed = [_module(_renamed(spec.family, name), groups, spec.family) for (name, _), groups in found.items()]
    return list(_with_second_names(spec.family, listed))


def routes(spec: ModelSpec) -> bool:
    """Whether the model has routed experts."""
    return any(group.component == "experts" for group in inventory(spec).groups)


def in_checkpoint(spec: ModelSpec, chosen: Iterable[Module]) -> frozenset[str]:
    """Modules by their names in the checkpoint, which are the blocks' own."""
    names = {module.name for module in chosen}
    owners = (_owner(group) for group in inventory(spec).groups)
    return frozenset(owner for owner in owners if _renamed(spec.family, owner) in names)


def class_name(family: str, tensor: str) -> str:
    """The module of the class that a tensor of the checkpoint belongs to."""
    return _renamed(family, tensor.rpartition(".")[0])


def _owner(group: TensorGroup) -> str:
    # Matrices of experts are each a module here, since peft adapts them one by one.
    return group.name if group.experts > 1 else group.name.rpartition(".")[0]


def _renamed(family: str, name: str) -> str:
    for end, new in RENAMED.get(family, {}).items():
        if name == end or name.endswith(f".{end}"):
            return name.removesuffix(end) + new
    return name


def _with_second_names(family: str, listed: list[Module]) -> Iterator[Module]:
    for module in listed:
        yield module
        if family in EMBEDDED_TWICE and module.name == "shared":
            yield module._replace(name="embed_tokens", copies=2, shapes=())


def _module(name: str, groups: Iterable[TensorGroup], family: str) -> Module:
    by_part = {group.name.rpartition(".")[2]: group for group in groups}
    first = next(iter(by_part.values()))
    weight = by_part.get("weight", first)
    kind = _kind(weight, family)
    rows, columns = weight.turned.shape if len(weight.shape) == 2 else (0, 0)
    inputs, outputs = (rows, columns) if kind is Kind.EMBEDDING else (columns, rows)
    bias = by_part["bias"].elements if "bias" in by_part else 0
    shapes = tuple(group.shape for group in by_part.values())
    head = weight.role == "head.out"
    copies = max(1, len(first.layers))
    return Module(name, kind, inputs, outputs, bias, shapes, copies, head, weight.experts)


def _kind(weight: TensorGroup, family: str) -> Kind:
    if weight.experts > 1:
        return Kind.EXPERTS
    if weight.role == "router.weight" and family not in LINEAR_ROUTER:
        return Kind.ROUTER
    if len(weight.shape) != 2 or weight.name.rpartition(".")[2] != "weight":
        return Kind.OTHER
    if weight.role.startswith("embedding") or weight.role.endswith("relative_bias"):
        return Kind.EMBEDDING
    return Kind.CONV1D if weight.transposed else Kind.LINEAR

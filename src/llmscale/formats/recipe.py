"""Quants as data (`data/quants.yaml`): which tensor of a model gets which number format.

"Quant" is the user's word for a weight format: AWQ, NF4, Q4_K_M. What a tool writes under such a name is a *recipe*:
it gives each tensor, by its role, name and shape, a number format (`llmscale.formats.layout`), which alone knows bytes.
Recipes of tools that go by the kind of tensor are rules in the file; llama.cpp's presets go by more than that and have
a module of their own (`llmscale.formats.gguf`). A recipe knows no model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from fnmatch import fnmatchcase

from llmscale.formats.layout import Format
from llmscale.model.inventory import TensorGroup
from llmscale.records import NamedTuple, dataclass

#: The weight of any linear layer.
LINEAR = "linear"
#: What becomes of a tensor that its format cannot hold, where nothing does.
REFUSE = "refuse"
#: What takes whatever no other rule takes, and all that is no matrix: biases, norms, scales.
REST = "*"
#: The id of the quant of a file that is at hand: its tensors in the formats that they have there.
AS_STORED = "as-stored"
#: How the names of Unsloth's own mixes begin, before that of the preset that they are like.
OWN_MIX = ("ud-", "ud_")
#: Matrices that are looked up, added, or multiplied with outside a linear layer: no tool counts them as one.
LOOKUPS = (
    "embedding.token",
    "embedding.position",
    "embedding.segment",
    "embedding.task",
    "embedding.per_layer",
    "embedding.class",
    "embedding.mask",
    "attention.relative_bias",
    "norm",
    "head.codes",
    "projector.latents",
    "projector.weight",
    "recurrent.a",
    "other.prompt",
)


@dataclass(frozen=True)
class Quant:
    """A quant.

    Attributes:
        kind: ``rules``, or ``gguf`` for a preset of llama-quantize.
        rules: what a tensor is to the id of its number format, the first that matches; see `chosen`.
        narrow: what becomes of a tensor that its format cannot hold: ``refuse``, or the id of another format.
        needs: the component that it is for (``experts``): a model without one is refused; empty when any will do.
        own_head: whether the tool writes a head of its own where the model ties it to the embedding.
        sparsity: how its linear layers are pruned (``2:4``), see `llmscale.formats.sparsity`; empty when they are not.
        estimated: why the bytes are a model of what the tool writes; empty when they follow from the shapes.
        preset: what llama-quantize calls it; empty for others.
        bits: bits per weight of the matrices it is meant for.
        runtime: the runtime that is modelled for it unless the user names another.
        activation_bytes: bytes of one activation when weights are in this format.
        readers: programs that run it.
        hardware: what devices need to compute in it, in words; empty when any will do.
        vendors: whose devices those are; empty when all's may be.
        capability: the least compute capability of NVIDIA's among them; 0 when any will do.
        amd: AMD's generations among them; empty when all.
        keeps: ``quant_method`` of checkpoints that are published quantised and whose tensors it takes over.
        meant_for: the only models that anybody should make it of; empty when any.
        stored: the tensors of a file that is at hand, each in the format that it has there; empty for a recipe.
        file_bytes: bytes of that file.
    """

    id: str
    name: str
    kind: str
    bits: float
    runtime: str
    activation_bytes: int
    source: str
    rules: dict[str, str] = field(default_factory=dict)
    narrow: str = REFUSE
    needs: str = ""
    own_head: bool = False
    sparsity: str = ""
    estimated: str = ""
    preset: str = ""
    readers: list[str] = field(default_factory=list)
    hardware: str = ""
    vendors: list[str] = field(default_factory=list)
    capability: float = 0.0
    amd: list[str] = field(default_factory=list)
    meant_for: str = ""
    keeps: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    note: str = ""
    stored: tuple[StoredTensor, ...] = ()
    file_bytes: int = 0

    def __hash__(self) -> int:
        return hash((self.id, self.name))

    @property
    def plain(self) -> bool:
        """Whether every tensor alike is in one format, so that the bytes of a bare size follow from it."""
        return list(self.rules) == [REST]


class StoredTensor(NamedTuple):
    """Tensors alike and the number format they are in."""

    group: TensorGroup
    form: Format

    @property
    def bytes(self) -> int:
        """Bytes of all of them."""
        return self.group.copies * self.form.size(self.group.shape)


def chosen(rules: Mapping[str, str], group: TensorGroup) -> str:
    """The format's id that `rules` give to the tensors of `group`.

    A rule names a component (``experts``), a role (``attention.kv_b``, ``*.down``), a tensor's name (``*.lm_head.*``),
    or ``linear`` for the weight of any linear layer. The first that matches wins, `REST` takes what is left; what is
    no matrix always takes `REST`.
    """
    if len(group.shape) >= 2:
        for rule, form in rules.items():
            if selects(rule, group):
                return form
    return rules[REST]


def selects(rule: str, group: TensorGroup) -> bool:
    """Whether `rule` takes the matrix of `group`."""
    return is_linear(group) if rule == LINEAR else matches(rule, group)


def matches(rule: str, group: TensorGroup) -> bool:
    """Whether `rule` names the component, the role or the name of `group`."""
    return group.component == rule or fnmatchcase(group.role, rule) or fnmatchcase(group.name, rule)


def is_linear(group: TensorGroup) -> bool:
    """Whether it is the weight of a linear layer (experts' stacked ones too), not of a lookup or a convolution."""
    return len(group.shape) == 2 and group.role not in LOOKUPS

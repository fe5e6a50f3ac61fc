"""The bill of materials: every weight tensor of a model as a group, and sums over them.

Parameters, active parameters, components and bytes are sums over this list;
there is no second formula for any of them anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import prod

from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple

#: In the order of the JSON contract.
COMPONENTS = (
    "embedding",
    "attention",
    "mlp",
    "experts",
    "shared_experts",
    "router",
    "recurrent",
    "norm",
    "head",
    "vision",
    "audio",
    "projector",
    "other",
)
#: Models whose inventory is kept: more than one question is about, few enough for a process that runs on.
KEPT = 64


class TensorGroup(NamedTuple):
    """Tensors that share a name pattern, a role and a shape.

    Attributes:
        name: full name with ``{layer}`` and ``{expert}`` where numbers stand.
        layers: the layer numbers; empty when it stands outside the layers.
        tied_to: full name of the tensor whose storage it shares; then it holds no memory of its own.
        transposed: a matrix published as (inputs, outputs).
    """

    name: str
    role: str
    component: str
    shape: tuple[int, ...]
    layers: tuple[int, ...]
    experts: int
    experts_used: int
    tied_to: str | None
    transposed: bool = False

    @property
    def turned(self) -> TensorGroup:
        """The group with its outputs before its inputs, as a linear layer's weight has them."""
        return self._replace(shape=self.shape[::-1], transposed=False) if self.transposed else self

    @property
    def elements(self) -> int:
        """Parameters of one tensor of the group."""
        return prod(self.shape)

    @property
    def copies(self) -> int:
        """How many tensors the group holds."""
        return max(1, len(self.layers)) * self.experts

    @property
    def parameters(self) -> int:
        """Parameters of the whole group, as if it were stored apart."""
        return self.elements * self.copies

    @property
    def active_parameters(self) -> int:
        """Parameters of the group that one token touches in one forward pass."""
        return self.elements * max(1, len(self.layers)) * self.experts_used


class Inventory(NamedTuple):
    """All tensor groups of a model, in the order of its forward pass."""

    groups: tuple[TensorGroup, ...]

    def stored(self) -> Iterator[TensorGroup]:
        """Groups that hold memory: a tied tensor is stored once, where it is first used."""
        return (group for group in self.groups if group.tied_to is None)

    def total(self) -> int:
        """Parameters, each shared tensor once."""
        return sum(group.parameters for group in self.stored())

    def untied_total(self) -> int:
        """Parameters with a shared tensor counted at each place it is used."""
        return sum(group.parameters for group in self.groups)

    def active(self) -> int:
        """Parameters that touch one token in one forward pass: chosen and shared experts, all else once."""
        return sum(group.active_parameters for group in self.stored())

    def input_embedding(self) -> int:
        """Parameters of lookup tables alone: read, but not multiplied with. A table tied to the head is both."""
        shared = {group.tied_to for group in self.groups}
        return sum(g.parameters for g in self.stored() if g.component == "embedding" and g.name not in shared)

    def components(self) -> dict[str, int]:
        """Parameters by component; every one of the JSON contract is there, 0 when absent, then a pipeline's parts."""
        sums = dict.fromkeys(COMPONENTS, 0)
        for group in self.stored():
            sums[group.component] = sums.get(group.component, 0) + group.parameters
        return sums


@lru_cache(KEPT)
def inventory(spec: ModelSpec) -> Inventory:
    """List the tensor groups of `spec`; of a model that was asked for lately, the same list again.

    A tower's tensors count as its component (vision, audio, projector), whatever their role.
    """
    groups: list[TensorGroup] = []
    for placed in spec.placed:
        for tensor in placed.block.tensors():
            group = TensorGroup(
                name=placed.prefix + tensor.name,
                role=tensor.role,
                component=placed.tower or tensor.role.partition(".")[0],
                shape=tensor.shape,
                layers=placed.layers,
                experts=tensor.experts,
                experts_used=tensor.experts_used,
                tied_to=tensor.tied_to,
                transposed=tensor.transposed,
            )
            groups.append(group)
    return Inventory(tuple(groups))

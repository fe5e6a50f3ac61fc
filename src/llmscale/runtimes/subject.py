"""What a runtime is asked about: a model whose tensors are at hand, or what was compiled of one."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from llmscale.formats.recipe import Quant, StoredTensor
from llmscale.formats.weights import assign_formats, file_weights
from llmscale.model.inventory import Inventory
from llmscale.model.shape import Shape, shape_of
from llmscale.model.spec import ModelSpec
from llmscale.quantity import Basis, Quantity
from llmscale.records import NamedTuple, dataclass


@dataclass(frozen=True, eq=False)
class Exact:
    """A model whose tensors are known, in one quant. What several parts ask for is computed once and kept."""

    spec: ModelSpec
    inventory: Inventory
    quant: Quant

    @cached_property
    def stored(self) -> tuple[StoredTensor, ...]:
        """Every tensor that a file in this quant holds, and its format.

        Raises:
            UnsupportedModelError: the tool that writes such files does not take this model.
            UsageError: a sparsity that the formats cannot be kept in.
        """
        return assign_formats(self.quant, self.spec, self.inventory)

    @cached_property
    def weights(self) -> Quantity:
        """Bytes of all weights: each stored tensor by itself, tied ones once."""
        known = Basis.MODELLED if self.quant.estimated and self.spec.basis is Basis.EXACT else self.spec.basis
        return Quantity.exactly(sum(tensor.bytes for tensor in self.stored), known)

    @cached_property
    def on_devices(self) -> int:
        """Bytes of the weights on devices that take all layers: of a GGUF file not all, of another checkpoint all."""
        return file_weights(self.stored).device if self.quant.kind == "gguf" else self.weights.value

    @cached_property
    def widths(self) -> Shape:
        """Widths, layers and what each layer caches."""
        return shape_of(self.spec)

    @property
    def family(self) -> str:
        """The published ``model_type``."""
        return self.spec.family

    @property
    def basis(self) -> Basis:
        """How what follows from the layers is known: as the layers are, and these are modelled of an unknown family."""
        return Basis.MODELLED if self.quant.stored and not self.spec.family else self.spec.basis


class SizedWeights(NamedTuple):
    """Bytes of the weights in a quant.

    Attributes:
        device: those that lie on devices which take all layers.
        host: of a GGUF file, those that lie in host memory then.
        read: those that one token reads, routed experts left out; 0 where that was not computed.
        experts: the routed experts, all of them.
    """

    total: Quantity
    device: int = 0
    host: int = 0
    read: int = 0
    experts: int = 0


class Summary(NamedTuple):
    """What was compiled of a model, in one quant.

    Attributes:
        compiled: what this runtime makes of the model, see `Runtime.summarise`; None where it says nothing.
        family: the published ``model_type``; empty where it is not known.
        limit: the longest context; None when it has none.
        exact: whether the tensors are those of one model; else it stands for a model of a similar size.
        text: whether it is of text alone, without a tower that a runtime may load beside it.
    """

    name: str
    widths: Shape
    sized: SizedWeights
    quant: Quant
    compiled: Any = None
    family: str = ""
    limit: int | None = None
    exact: bool = True
    text: bool = True

    @property
    def weights(self) -> Quantity:
        """Bytes of all weights."""
        return self.sized.total

    @property
    def basis(self) -> Basis:
        """How what follows from the layers is known."""
        return Basis.EXACT if self.exact else Basis.ASSUMED


Subject = Exact | Summary

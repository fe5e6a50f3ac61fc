"""What a model is: its building blocks, where each stands, and a few published facts.

Whatever the user names becomes a `ModelSpec`; from there on nobody knows where it came from.
A *block* (see `llmscale.model.blocks`) lists its own weight tensors; a `PlacedBlock` block says under which
name and in which layers it stands. `llmscale.model.inventory` turns the whole into the bill of materials.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, fields
from operator import attrgetter
from typing import Any, Protocol

from llmscale.quantity import Basis
from llmscale.records import NamedTuple, dataclass


class Tensor(NamedTuple):
    """One weight tensor of a block, or one per expert.

    Attributes:
        name: relative to where the block stands, ``q_proj.weight``; ``{expert}`` numbers experts.
        role: component, a dot, and the part: ``attention.q``, ``experts.gate``, ``norm``.
        shape: elements along each axis, in the order of the published checkpoint.
        experts: how many of it there are (one per expert).
        experts_used: how many of those one token touches.
        tied_to: the tensor whose storage it shares, by its full name; then it holds no memory.
        transposed: a matrix published as (inputs, outputs), which tools turn round before they quantise it.
    """

    name: str
    role: str
    shape: tuple[int, ...]
    experts: int = 1
    experts_used: int = 1
    tied_to: str | None = None
    transposed: bool = False


class CacheShape(NamedTuple):
    """What one attention layer keeps per token, in elements.

    Attributes:
        keys: elements per token of K (for MLA the compressed latent).
        values: elements per token of V (for MLA the rotary key).
        window: the most tokens a sliding window keeps; None when it keeps all.
        source: ``self`` when it grows with the context, ``cross`` when it holds the encoder's tokens.
        every: tokens that one entry stands for, where they are compressed (DeepSeek V4).
        tokens: those of the encoder where they are always as many, whatever the context; None where they are not.
    """

    keys: int
    values: int
    window: int | None = None
    source: str = "self"
    every: int = 1
    tokens: int | None = None


class StateShape(NamedTuple):
    """What one recurrent layer keeps per sequence, however long it grows.

    A block that keeps one has a method ``state() -> StateShape`` besides those of `Block`.

    Attributes:
        elements: elements per sequence, those of the convolution's last inputs included.
        bytes_per_element: bytes of one; runtimes keep such states in float32 unless a config says otherwise.
    """

    elements: int
    bytes_per_element: int = 4


class Block(Protocol):
    """A building block of a model: frozen, hashable, and knowing its own tensors."""

    def tensors(self) -> Iterable[Tensor]:
        """The weight tensors, in the order of the forward pass."""
        ...

    def cache(self) -> CacheShape | None:
        """What it keeps per token while decoding; None when nothing."""
        ...


class PlacedBlock(NamedTuple):
    """A block where it stands.

    Attributes:
        prefix: what its tensors' names begin with, ``model.layers.{layer}.self_attn.``.
        block: the block.
        layers: the layer numbers it stands in; empty for one that is outside the layers.
        tower: ``vision``, ``audio`` or ``projector`` for what feeds a multimodal model's text part.
    """

    prefix: str
    block: Block
    layers: tuple[int, ...] = ()
    tower: str | None = None


@dataclass(frozen=True)
class ModelSpec:
    """A model, from wherever it came.

    It is the key of many caches, so its hash is computed once: of Gemma 3n's 615 blocks that takes 50 us.

    Attributes:
        family: the published ``model_type``; ``literal`` for a bare size.
        placed: every block in the order of the forward pass.
        layers: transformer layers (encoder and decoder together).
        hidden_size: width of the residual stream; 0 when the shape is unknown.
        intermediate_size: widest feed-forward activation of one token; 0 when unknown.
        vocab_size: rows of the token embedding; 0 for a vision model.
        max_context: the model's own limit in tokens; None when it has none or none is published.
        sequence: tokens of a model that always sees the same number (a vision transformer's patches).
        basis: `Basis.EXACT` when the tensors are known, `Basis.ASSUMED` for a bare size.
        parameters_range: lowest and highest plausible count when the size itself is not certain.
        text_family: the ``model_type`` of a multimodal model's text part; empty for a model that is all text.
        rope_scaling: the published ``rope_type`` by which rotary positions are stretched; empty when they are not.
        rotary_share: share of a head that rotates.
        rope_factor: by what linear or dynamic stretching lengthens the rotary table; 1 without.
        state_dtype: the format that the config names for recurrent states; empty where it names none.
        published_in: the ``quant_method`` of a checkpoint that is published quantised; empty for others.
        prediction_layers: layers besides that predict further tokens, which the checkpoint holds.
        weights_only: what it is instead of a model that runtimes here run; nothing but its weights is said then.
        warnings: what a reader of any number from this spec must know.
    """

    id: str
    name: str
    source: str
    family: str
    placed: tuple[PlacedBlock, ...]
    layers: int = 0
    hidden_size: int = 0
    intermediate_size: int = 0
    vocab_size: int = 0
    max_context: int | None = None
    sequence: int | None = None
    basis: Basis = Basis.EXACT
    parameters_range: tuple[int, int] | None = None
    text_family: str = ""
    rope_scaling: str = ""
    rotary_share: float = 1.0
    rope_factor: float = 1.0
    state_dtype: str = ""
    published_in: str = ""
    prediction_layers: int = 0
    weights_only: str = ""
    warnings: tuple[str, ...] = field(default=())

    def __hash__(self) -> int:
        # Kept in the object, but as no field: neither equality nor `replace` sees it.
        kept: int | None = self.__dict__.get("_hash")
        if kept is None:
            kept = self.__dict__["_hash"] = hash(_values(self))
        return kept

    def __getstate__(self) -> dict[str, Any]:
        # Another process hashes text differently: what was computed here must not travel there.
        return {name: getattr(self, name) for name in _NAMES}

    @property
    def shape_known(self) -> bool:
        """Whether layers and widths are known, so that KV cache and buffers follow from them."""
        return self.hidden_size > 0


_NAMES = tuple(each.name for each in fields(ModelSpec))
_values = attrgetter(*_NAMES)

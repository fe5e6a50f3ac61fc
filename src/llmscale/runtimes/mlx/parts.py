"""What MLX's graph of a layer is built from: widths, wherever they were read."""

from __future__ import annotations

from llmscale.records import NamedTuple


class Attend(NamedTuple):
    """Attention of several heads.

    Attributes:
        queries: elements of a token's queries; its gate is as wide again.
        keys, values: elements of a token's K and V; 0 where they are another layer's.
        window: tokens of a rotating cache; None for one that keeps all.
        normed: whether queries and keys are normalised.
        cached: whether K and V are kept.
    """

    heads: int
    head_dim: int
    value_dim: int
    queries: int
    keys: int
    values: int
    window: int | None = None
    normed: bool = False
    gated: bool = False
    cached: bool = True


class Latent(NamedTuple):
    """Multi-head latent attention; see `LatentAttention`."""

    heads: int
    q_rank: int | None
    kv_rank: int
    nope: int
    rope: int
    v_head: int


class Recur(NamedTuple):
    """Anything else that mixes tokens.

    Attributes:
        matrices: each (outputs, inputs), the last of which leads back to the residual stream.
        heads: of Mamba-2, whose scan is made of matrices; 0 for others.
    """

    matrices: tuple[tuple[int, int], ...]
    heads: int = 0


class Feed(NamedTuple):
    """A feed-forward block, or experts of which each token takes `used`."""

    width: int
    gated: bool
    experts: int = 1
    used: int = 1


#: What mixes tokens.
Mixer = Attend | Latent | Recur


class Layer(NamedTuple):
    """A layer, or what a block adds to one: what mixes tokens, then what does not."""

    mixers: tuple[Mixer, ...] = ()
    feeds: tuple[Feed, ...] = ()

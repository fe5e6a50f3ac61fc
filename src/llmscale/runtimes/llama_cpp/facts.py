"""What of a model decides llama.cpp's buffers: widths and the order of the blocks, not the weights.

Left out is all that llama.cpp computes in place (biases, scales, soft caps, gates of the same width): it takes no
memory of its own.
"""

from __future__ import annotations

from typing import Union

from llmscale.records import NamedTuple


class AttentionFacts(NamedTuple):
    """Attention with a cache of keys and values.

    Attributes:
        key, value: elements of one head.
        fused: whether one weight makes Q, K and V.
        norm: where Q and K are normalised: not at all, each ``head``, each whole ``row``, or each head ``late``, that
            is after the rotation.
        rope: whether Q and K are rotated.
        sinks: whether a learned logit takes part in the softmax.
        gate: whether the output is gated: ``query`` when the query's projection makes the gate too, ``apart`` when a
            projection of its own does.
        values: ``own`` when a weight makes V, ``key`` when V is K before its norm (Gemma 4).
        value_norm: whether V is normalised.
        borrowed: whether K and V are an earlier layer's.
    """

    heads: int
    kv_heads: int
    key: int
    value: int
    fused: bool = False
    norm: str = ""
    rope: bool = True
    sinks: bool = False
    gate: str = ""
    values: str = "own"
    value_norm: bool = False
    borrowed: bool = False


class IndexerFacts(NamedTuple):
    """Small heads that choose the `top` cells that attention sees (DeepSeek's sparse attention)."""

    heads: int
    head: int
    top: int


class LatentAttentionFacts(NamedTuple):
    """Multi-head latent attention, whose cache holds the latent and the rotated key only.

    Attributes:
        q_rank: width of the compressed query; 0 when it is not compressed.
        kv_rank: width of the latent.
        rope, nope: rotated and unrotated elements of one head's key.
        value: elements of one head's value.
        rotated: whether the rotated part is (Kimi Linear leaves it as it is).
        indexer: what chooses the cells to attend to; None to attend to those of the last layer that has one, or to all.
    """

    heads: int
    q_rank: int
    kv_rank: int
    rope: int
    nope: int
    value: int
    rotated: bool = True
    indexer: IndexerFacts | None = None


class MambaFacts(NamedTuple):
    """A selective state space of the first kind."""

    inner: int
    state: int
    conv: int
    dt_rank: int
    norms: bool = False


class Mamba2Facts(NamedTuple):
    """A selective state space of the second kind; `norm` says whether its output is normalised."""

    heads: int
    head: int
    groups: int
    state: int
    conv: int
    norm: bool = True


class DeltaNetFacts(NamedTuple):
    """A gated delta net; `mixed` says whether one weight makes both gates and keys are repeated (Qwen3-Next)."""

    key_heads: int
    value_heads: int
    head: int
    conv: int
    mixed: bool = False


class KimiDeltaFacts(NamedTuple):
    """Kimi's delta attention: a decay per channel, and a convolution each for Q, K and V."""

    heads: int
    head: int
    conv: int


class ShortConvFacts(NamedTuple):
    """A gated convolution over the last `conv` tokens."""

    channels: int
    conv: int


MixerFacts = Union[
    AttentionFacts, LatentAttentionFacts, MambaFacts, Mamba2Facts, DeltaNetFacts, KimiDeltaFacts, ShortConvFacts
]


class MlpFacts(NamedTuple):
    """A feed-forward.

    Attributes:
        form: ``gated`` by a second weight, ``fused`` with its gate in one weight, ``plain``, or ``sparse`` (Gemma 3n).
    """

    width: int
    form: str = "gated"


class ExpertsFacts(NamedTuple):
    """A mixture of experts.

    Attributes:
        width: of one expert.
        router: ``softmax`` and ``sigmoid`` over all experts, ``weights`` for a softmax over the chosen ones.
        biased: whether a bias takes part in the choice.
        normed: whether the weights of the chosen sum to one.
        shared: width of the shared expert; 0 for none.
        shared_gate: whether the shared expert is gated.
        before: whether the weights are applied before the experts (Llama 4).
        gated: whether each expert has a gate.
        bias: whether each expert's matrices have biases.
        merged: whether one weight makes gate and up.
        latent: width that the experts work in; 0 for the model's (Nemotron 3).
        dense: width of a feed-forward beside the mixture, which is added to it (Arctic, Gemma 4); 0 for none.
    """

    experts: int
    used: int
    width: int
    router: str = "softmax"
    biased: bool = False
    normed: bool = True
    shared: int = 0
    shared_gate: str = ""
    before: bool = False
    gated: bool = True
    bias: bool = False
    merged: bool = False
    latent: int = 0
    dense: int = 0


class LayerFacts(NamedTuple):
    """One layer.

    Attributes:
        mixer, ffn: its parts; a layer may lack one.
        parallel: a recurrence parallel to the attention, on the same input (Falcon-H1).
        windowed: whether its cache is the one for sliding windows.
    """

    mixer: MixerFacts | None
    ffn: MlpFacts | ExpertsFacts | None
    windowed: bool = False
    parallel: Mamba2Facts | None = None

    def cached(self) -> tuple[int, int]:
        """Elements of K and of V that one cell holds."""
        match self.mixer:
            case AttentionFacts(borrowed=False) as a:
                return a.kv_heads * a.key, a.kv_heads * a.value
            case LatentAttentionFacts() as a:
                return a.kv_rank + a.rope + (a.indexer.head if a.indexer else 0), 0
            case _:
                return 0, 0

    def heads(self) -> tuple[int, int]:
        """Elements of one head's K and V in the cache."""
        match self.mixer:
            case AttentionFacts() as a:
                return a.key, a.value
            case LatentAttentionFacts() as a:
                return a.kv_rank + a.rope, a.kv_rank
            case _:
                return 0, 0

    def state(self) -> tuple[int, int]:
        """Elements of a sequence's state: the convolution's last inputs, and the recurrence."""
        match self.parallel or self.mixer:
            case MambaFacts() as m:
                return (m.conv - 1) * m.inner, m.state * m.inner
            case Mamba2Facts() as m:
                inner = m.heads * m.head
                return (m.conv - 1) * (inner + 2 * m.groups * m.state), m.state * inner
            case DeltaNetFacts() as m:
                channels = (2 * m.key_heads + m.value_heads) * m.head
                return (m.conv - 1) * channels, m.head * m.head * m.value_heads
            case KimiDeltaFacts() as m:
                return 3 * (m.conv - 1) * m.heads * m.head, m.head * m.head * m.heads
            case ShortConvFacts() as m:
                return (m.conv - 1) * m.channels, 0
            case _:
                return 0, 0


class ModelFacts(NamedTuple):
    """A model.

    Attributes:
        arch: what llama.cpp calls the architecture.
        window: tokens of the sliding window that layers with one keep; 0 when none does.
        norm: ``rms``, or ``layer``, which is not computed in place.
        residual: how a layer's parts are joined, see `llmscale.runtimes.llama_cpp.simulator.assemble`.
        post_norm: whether the outputs of attention and feed-forward are normalised before they are added.
        rows: where the rows whose logits are wanted are picked: after the ``last`` attention, after what it is
            ``added`` to, before the final norm (``end``), or after it (``norm``).
        scaled: whether the embedding is scaled: ``first``, before all else, or ``later``, when it is first read.
        kept: whether the last hidden state is kept for a draft head: ``""``, ``hidden`` or ``norm``.
        positions: numbers that say where a token is; 4 where images have a place too.
        eager: whether the norm before attention is computed before all else in its layer.
        tempered: whether the query is scaled by its position: in no layer, in the ``unrotated`` ones, in ``all``.
        per_layer: width of the embedding that each layer has of its own; 0 for none (Gemma 3n and 4).
        deepstack: layers that get features of an image added, whose room the embedding of text has too (Qwen3-VL).
        flash: whether attention can be one operation.
        embedding_norm: whether the embedding is normalised (Bloom).
        embedded_positions: whether learned positions are added to it (GPT-2).
        known: whether the graph is that of the architecture; else it is the nearest one there is.
    """

    arch: str
    hidden: int
    vocab: int
    layers: tuple[LayerFacts, ...]
    window: int = 0
    norm: str = "rms"
    residual: str = "serial"
    post_norm: bool = False
    rows: str = "last"
    scaled: str = ""
    kept: str = ""
    positions: int = 1
    eager: bool = False
    tempered: str = ""
    per_layer: int = 0
    deepstack: int = 0
    flash: bool = True
    embedding_norm: bool = False
    embedded_positions: bool = False
    known: bool = True

    @property
    def widest_value(self) -> int:
        """Most elements of V that one cell of a layer holds; caches without flash attention are all as wide."""
        return max((layer.cached()[1] for layer in self.layers), default=0)

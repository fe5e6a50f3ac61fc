"""MiMo-V2-Flash (arXiv:2601.02780; transformers 5.23 `MiMoV2FlashConfig`): mostly sliding layers with more KV heads.

Sliding layers (``hybrid_layer_pattern``: 1) have KV heads and head dimensions of their own and a learned sink per
query head; values are narrower than keys. A token sees ``sliding_window_size`` earlier ones and itself.
Names as in the publisher's own modeling file.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Parameter
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_HEADS, MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("mimo_v2_flash",)


def read(c: Config) -> ModelSpec:
    """Read a MiMo-V2-Flash config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    dense_width, mixture = c.hidden("intermediate_size"), _mixture(c, hidden)
    full, sliding = _attentions(c, hidden)
    full_sinks = c.flag("add_full_attention_sink_bias")
    sliding_sinks = c.flag("add_swa_attention_sink_bias", default=True)
    c.ignore("attention_value_scale", "attention_chunk_size")

    def blocks(kind: tuple[bool, bool]) -> Iterator[Named]:
        slides, sparse = kind
        attention, sinks = (sliding, sliding_sinks) if slides else (full, full_sinks)
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", attention
        if sinks:
            yield "self_attn.attention_sink_bias", Parameter("attention.sinks", (attention.heads,))
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", mixture if sparse else GatedMlp(hidden, dense_width)

    slides = [bool(layer and (layer + 1) % 6) for layer in range(layers)]
    slides = _marks(c, layers, "hybrid_layer_pattern", "layer_types", "sliding_attention", slides)
    sparse = _marks(c, layers, "moe_layer_freq", "mlp_layer_types", "sparse", [layer > 0 for layer in range(layers)])
    tied = c.flag("tie_word_embeddings")
    kinds = list(zip(slides, sparse, strict=True))
    placed = decoder(c, kinds, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    widest = max(mixture.widest, 0 if all(sparse) else dense_width)
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=widest, vocab=vocab, context=c.positions())


def _attentions(c: Config, hidden: int) -> tuple[Attention, Attention]:
    """That of full layers and that of sliding ones."""
    bias = c.flag("attention_bias")
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=4, head_dim=192)
    v_head_dim = c.number("v_head_dim", default=128, high=MAX_HEADS)
    window = c.number("sliding_window", default=129, high=MAX_POSITIONS)
    before = c.number("sliding_window_size", default=window - 1, low=0, high=MAX_POSITIONS)
    sliding = Attention(
        hidden,
        c.number("swa_num_attention_heads", default=heads, high=MAX_HEADS),
        c.number("swa_num_key_value_heads", default=2 * kv_heads, high=MAX_HEADS),
        c.number("swa_head_dim", default=head_dim, high=MAX_HEADS),
        c.number("swa_v_head_dim", default=v_head_dim, high=MAX_HEADS),
        qkv_bias=bias,
        window=before + 1,
    )
    return Attention(hidden, heads, kv_heads, head_dim, v_head_dim, qkv_bias=bias), sliding


def _mixture(c: Config, hidden: int) -> MixtureOfExperts:
    experts = c.number("n_routed_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts)
    width = c.hidden("moe_intermediate_size")
    if c.number("n_shared_experts", default=0, low=0):
        raise c.unsupported("has shared experts")
    return MixtureOfExperts(hidden, width, experts, used, correction_bias="gate.e_score_correction_bias")


def _marks(c: Config, layers: int, bits: str, words: str, word: str, default: list[bool]) -> list[bool]:
    """One truth a layer, given as bits (the publisher), as words (transformers) or not at all."""
    ones = c.numbers(bits, default=None, low=0, high=1)
    names = c.words(words, layers)
    if ones is None:
        return default if names is None else [name == word for name in names]
    if len(ones) != layers:
        raise c.error(f"has {len(ones)} entries in {bits} for {layers} layers")
    return [one == 1 for one in ones]

"""Qwen3-Next (transformers 5.23 `Qwen3NextConfig`) and the text models of Qwen3.5, dense and mixture.

Three layers of four are gated delta nets, the fourth is attention whose query projection also makes an output gate
(``full_attention_interval`` or ``layer_types``). Every ``decoder_sparse_step``-th layer is a mixture with a gated
shared expert, unless ``mlp_only_layers`` names it. Qwen3.5 stores the delta net's inputs and the experts differently.
Defaults that published files leave out are those of the configuration classes.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._qwen_hybrid import attention, delta, mixture
from llmscale.model.families._stack import Named, decoder, prediction_layers, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("qwen3_next", "qwen3_5_text", "qwen3_5_moe_text")


def read(c: Config) -> ModelSpec:
    """Read a Qwen3-Next config or the text part of a Qwen3.5 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    attends, delta_net = attention(c, hidden), delta(c, hidden)
    experts, width = ([], 0) if c.model_type == "qwen3_5_text" else mixture(c, hidden)
    sparse = _sparse(c, layers, bool(experts))
    dense_width = c.hidden("intermediate_size") if not all(sparse) else c.number("intermediate_size", default=0, low=0)
    c.ignore("mamba_ssm_dtype", "mtp_use_dedicated_embeddings")

    def blocks(kind: tuple[bool, bool]) -> Iterator[Named]:
        is_attention, sparse = kind
        yield "input_layernorm", Norm(hidden)
        if is_attention:
            yield "self_attn", attends
        else:
            yield "linear_attn", delta_net
        yield "post_attention_layernorm", Norm(hidden)
        if sparse:
            yield from experts
        else:
            yield "mlp", GatedMlp(hidden, dense_width)

    kinds = list(zip(_attends(c, layers), sparse, strict=True))
    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, kinds, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=max(width, 0 if all(sparse) else dense_width),
        vocab=vocab,
        context=c.positions(),
        warnings=prediction_layers(c, "mtp_num_hidden_layers"),
    )


def _attends(c: Config, layers: int) -> list[bool]:
    """Which layers are attention; the others are delta nets."""
    every = c.number("full_attention_interval", default=4, high=MAX_LAYERS)
    types = c.words("layer_types", layers)
    if types is None:
        return [(layer + 1) % every == 0 for layer in range(layers)]
    if unknown := set(types) - {"linear_attention", "full_attention"}:
        raise c.unsupported(f"has layers of type '{sorted(unknown)[0]}'")
    return [kind == "full_attention" for kind in types]


def _sparse(c: Config, layers: int, mixture: bool) -> list[bool]:
    """Which layers are mixtures of experts."""
    dense = c.numbers("mlp_only_layers", default=[], low=0)
    if c.model_type != "qwen3_next":
        if dense:
            raise c.unsupported("names mlp_only_layers")
        return [mixture] * layers
    step = c.number("decoder_sparse_step", default=1, high=MAX_LAYERS)
    return [layer not in dense and (layer + 1) % step == 0 for layer in range(layers)]

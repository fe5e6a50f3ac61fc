"""Qwen's mixtures of experts: 1.5 and 2 (`Qwen2MoeConfig`), 3 (`Qwen3MoeConfig`), defaults of transformers 5.23.

Every ``decoder_sparse_step``-th layer is a mixture unless ``mlp_only_layers`` names it. Qwen 2's has a shared
expert behind a gate of its own; Qwen 3's has none.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._qwen2 import attention
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.families._window import late_windows
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("qwen2_moe", "qwen3_moe", "qwen3_vl_moe_text")


def read(c: Config) -> ModelSpec:
    """Read a Qwen 1.5, 2 or 3 MoE config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    third = c.model_type in ("qwen3_moe", "qwen3_vl_moe_text")
    experts = c.number("num_experts", "num_local_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts)
    width = c.hidden("moe_intermediate_size")
    shared = 0 if third else c.hidden("shared_expert_intermediate_size")
    step = c.number("decoder_sparse_step", default=1, high=MAX_LAYERS)
    dense_layers = set(c.numbers("mlp_only_layers", default=[], low=0))
    dense_width = c.number("intermediate_size", default=width)

    def blocks(kind: tuple[int | None, bool]) -> Iterator[Named]:
        window, sparse = kind
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", attention(c, hidden, window, third)
        yield "post_attention_layernorm", Norm(hidden)
        if sparse:
            gate = "shared_expert_gate" if shared else None
            yield (
                "mlp",
                MixtureOfExperts(hidden, width, experts, used, shared, shared_name="shared_expert", shared_gate=gate),
            )
        else:
            yield "mlp", GatedMlp(hidden, dense_width)

    sparse = [layer not in dense_layers and (layer + 1) % step == 0 for layer in range(layers)]
    kinds = list(zip(late_windows(c, layers), sparse, strict=True))
    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, kinds, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=used * width + shared,
        vocab=vocab,
        context=c.positions(),
    )

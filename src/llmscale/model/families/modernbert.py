"""ModernBERT (arXiv:2412.13663; transformers 5.23 `ModernBertConfig`): a pre-norm encoder with gated MLPs, no biases.

Every ``global_attn_every_n_layers``-th layer attends to everything, the others to a window; an encoder caches neither.
The embedding's norm stands in for the first layer's. Defaults as in that class.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, place, stack, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("modernbert",)


def read(c: Config) -> ModelSpec:
    """Read a ModernBERT config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, _, head_dim = c.heads(hidden, kv=())
    norm = Norm(hidden, bias=c.flag("norm_bias"))
    bias, mlp_bias = c.flag("attention_bias"), c.flag("mlp_bias")
    c.ignore("global_attn_every_n_layers", "local_attention", "layer_types", "classifier_pooling")
    c.ignore("classifier_activation", "initializer_cutoff_factor", "sparse_prediction", "sparse_pred_ignore_index")
    c.ignore("deterministic_flash_attn", "reference_compile", "repad_logits_with_grad")

    head = c.head("Model")
    base = "" if head == "Model" else "model."

    def blocks(first: bool) -> Iterator[Named]:
        if not first:
            yield "attn_norm", norm
        yield (
            "attn",
            Attention(hidden, heads, heads, head_dim, names=("Wqkv", "Wo"), qkv_bias=bias, out_bias=bias, cached=False),
        )
        yield "mlp_norm", norm
        yield "mlp", GatedMlp(hidden, intermediate, ("Wi", "Wo"), bias=mlp_bias)

    placed = [
        place(f"{base}embeddings.tok_embeddings", Embedding(vocab, hidden)),
        place(f"{base}embeddings.norm", norm),
        *stack(f"{base}layers.{{layer}}", [layer == 0 for layer in range(layers)], blocks),
        place(f"{base}final_norm", norm),
        *_on_top(c, head, hidden, vocab, norm.bias),
    ]
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )


def _on_top(c: Config, head: str, hidden: int, vocab: int, norm_bias: bool) -> list[PlacedBlock]:
    tied = "model.embeddings.tok_embeddings.weight" if c.flag("tie_word_embeddings", default=True) else None
    decoder_bias = c.flag("decoder_bias", default=True)
    transform = [
        place("head.dense", Linear("head.transform", hidden, hidden, bias=c.flag("classifier_bias"))),
        place("head.norm", Norm(hidden, bias=norm_bias, role="head.norm")),
    ]
    if head == "Model":
        return []
    if head == "ForMaskedLM":
        return [*transform, place("decoder", Head(vocab, hidden, tied, decoder_bias))]
    if head in ("ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering", "ForMultipleChoice"):
        labels = 1 if head == "ForMultipleChoice" else c.labels()
        return [*transform, place("classifier", Linear("head.classifier", labels, hidden, bias=True))]
    raise c.unsupported(f"is a {c.architecture('')}")

"""Longformer (arXiv:2004.05150; transformers 5.23 `LongformerConfig`): RoBERTa with more projections for global tokens.

Local attention in a window changes no tensor. Defaults as in that class.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bert import encoder_layer, untied_bias
from llmscale.model.families._bounds import MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, place, stack, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("longformer",)


def read(c: Config) -> ModelSpec:
    """Read a Longformer config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    positions = c.number("max_position_embeddings", default=512, high=MAX_POSITIONS)
    segments = c.number("type_vocab_size", default=2)
    heads, _, head_dim = c.heads(hidden, kv=())
    c.ignore("attention_window", "attention_mode", "ignore_attention_mask", "onnx_export", "sep_token_id")
    head = c.head("Model")
    base = "" if head == "Model" else "longformer."
    embeddings = f"{base}embeddings"

    def blocks(_: None) -> Iterator[Named]:
        yield from encoder_layer(hidden, intermediate, heads, head_dim)
        for name in ("query_global", "key_global", "value_global"):
            yield f"attention.self.{name}", Linear("attention.global", hidden, hidden, bias=True)

    placed = [
        place(f"{embeddings}.word_embeddings", Embedding(vocab, hidden)),
        place(f"{embeddings}.position_embeddings", Embedding(positions, hidden, "embedding.position")),
        place(f"{embeddings}.token_type_embeddings", Embedding(segments, hidden, "embedding.segment")),
        place(f"{embeddings}.LayerNorm", Norm(hidden, bias=True)),
        *stack(f"{base}encoder.layer.{{layer}}", [None] * layers, blocks),
        *_on_top(c, head, hidden, vocab),
    ]
    # As in RoBERTa, positions count from the padding index on.
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=positions - 2
    )


def _on_top(c: Config, head: str, hidden: int, vocab: int) -> list[PlacedBlock]:
    dense = Linear("head.transform", hidden, hidden, bias=True)
    labels = Linear("head.classifier", c.labels(), hidden, bias=True)
    tied = "longformer.embeddings.word_embeddings.weight" if c.flag("tie_word_embeddings", default=True) else None
    if head == "Model":
        return [place("pooler.dense", Linear("other.pooler", hidden, hidden, bias=True))]
    if head == "ForMaskedLM":
        return [
            place("lm_head.dense", dense),
            place("lm_head.layer_norm", Norm(hidden, bias=True, role="head.norm")),
            place("lm_head.decoder", Head(vocab, hidden, tied)),
            place("lm_head.bias", Parameter("head.out", (vocab,))),
            *untied_bias(c, tied, vocab),
        ]
    if head == "ForSequenceClassification":
        return [place("classifier.dense", dense), place("classifier.out_proj", labels)]
    if head == "ForTokenClassification":
        return [place("classifier", labels)]
    if head == "ForQuestionAnswering":
        return [place("qa_outputs", labels)]
    raise c.unsupported(f"is a {c.architecture('')}")

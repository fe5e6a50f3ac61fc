"""MPNet (arXiv:2004.09297): BERT's encoder with one relative position bias that all layers share, and no segments.

Source: transformers 5.24 `MPNetConfig` and its classes; names as in huggingface.co/microsoft/mpnet-base.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, place, stack, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("mpnet",)


def read(c: Config) -> ModelSpec:
    """Read an MPNet config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    positions = c.number("max_position_embeddings", default=512, high=MAX_POSITIONS)
    heads, _, head_dim = c.heads(hidden, kv=())
    buckets = c.number("relative_attention_num_buckets", default=32)
    head = c.head("Model")
    base = "" if head == "Model" else "mpnet."
    norm, names = Norm(hidden, bias=True), ("q", "k", "v", "o")

    def blocks(_: None) -> Iterator[Named]:
        yield (
            "attention.attn",
            Attention(hidden, heads, heads, head_dim, names=names, qkv_bias=True, out_bias=True, cached=False),
        )
        yield "attention.LayerNorm", norm
        yield "", Mlp(hidden, intermediate, ("intermediate.dense", "output.dense"), bias=True)
        yield "output.LayerNorm", norm

    bias = Embedding(buckets, heads, "attention.relative_bias")
    placed = [
        place(f"{base}embeddings.word_embeddings", Embedding(vocab, hidden)),
        place(f"{base}embeddings.position_embeddings", Embedding(positions, hidden, "embedding.position")),
        place(f"{base}embeddings.LayerNorm", norm),
        *stack(f"{base}encoder.layer.{{layer}}", [None] * layers, blocks),
        place(f"{base}encoder.relative_attention_bias", bias),
        *_on_top(c, head, base, hidden, vocab),
    ]
    # Positions are counted from the padding index on, so two rows are never a token's.
    context = positions - 2
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=context)


def _on_top(c: Config, head: str, base: str, hidden: int, vocab: int) -> list[PlacedBlock]:
    tied_to = f"{base}embeddings.word_embeddings.weight" if c.flag("tie_word_embeddings", default=True) else None
    dense = Linear("head.transform", hidden, hidden, bias=True)
    labels = Linear("head.classifier", c.labels(), hidden, bias=True)
    pooler = place(f"{base}pooler.dense", Linear("other.pooler", hidden, hidden, bias=True))
    if head == "Model":
        return [pooler]
    if head == "ForMaskedLM":
        return [
            place("lm_head.dense", dense),
            place("lm_head.layer_norm", Norm(hidden, bias=True, role="head.norm")),
            place("lm_head.decoder", Head(vocab, hidden, tied_to, bias=tied_to is None)),
            place("lm_head.bias", Parameter("head.out", (vocab,))),
        ]
    if head == "ForSequenceClassification":
        return [place("classifier.dense", dense), place("classifier.out_proj", labels)]
    if head == "ForMultipleChoice":
        return [pooler, place("classifier", Linear("head.classifier", 1, hidden, bias=True))]
    if head in ("ForTokenClassification", "ForQuestionAnswering"):
        return [place("classifier" if head == "ForTokenClassification" else "qa_outputs", labels)]
    raise c.unsupported(f"is a {c.architecture('')}", "Known: Model, ForMaskedLM, ForSequenceClassification, …")

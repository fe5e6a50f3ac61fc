"""ALBERT (arXiv:1909.11942; transformers 5.23 `AlbertConfig`): BERT's layers, run again and again on the same weights.

``num_hidden_layers`` layers share ``num_hidden_groups`` groups (one, in all published models) of ``inner_group_num``
layers. A group's tensors stand once in the checkpoint and once in the inventory, so total, active and memory count
them once; the spec's `layers` counts the passes through them. Defaults as in that class.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bert import untied_bias
from llmscale.model.families._bounds import MAX_LAYERS, MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, place, stack, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("albert",)


def read(c: Config) -> ModelSpec:
    """Read an ALBERT config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    width = c.number("embedding_size", default=128)
    positions = c.number("max_position_embeddings", default=512, high=MAX_POSITIONS)
    segments = c.number("type_vocab_size", default=2)
    heads, _, head_dim = c.heads(hidden, kv=())
    groups = c.number("num_hidden_groups", default=1, high=layers)
    inner = c.number("inner_group_num", default=1, high=MAX_LAYERS)
    c.ignore("down_scale_factor", "gap_size", "net_structure_type", "num_memory_blocks")
    head = c.head("Model")
    base = "" if head == "Model" else "albert."
    embeddings, norm = f"{base}embeddings", Norm(hidden, bias=True)

    def blocks(_: None) -> Iterator[Named]:
        names = ("query", "key", "value", "dense")
        yield (
            "attention",
            Attention(hidden, heads, heads, head_dim, names=names, qkv_bias=True, out_bias=True, cached=False),
        )
        yield "attention.LayerNorm", norm
        yield "", Mlp(hidden, intermediate, ("ffn", "ffn_output"), bias=True)
        yield "full_layer_layer_norm", norm

    placed = [
        place(f"{embeddings}.word_embeddings", Embedding(vocab, width)),
        place(f"{embeddings}.position_embeddings", Embedding(positions, width, "embedding.position")),
        place(f"{embeddings}.token_type_embeddings", Embedding(segments, width, "embedding.segment")),
        place(f"{embeddings}.LayerNorm", Norm(width, bias=True)),
        place(f"{base}encoder.embedding_hidden_mapping_in", Linear("embedding.projection", hidden, width, bias=True)),
    ]
    for group in range(groups):
        name = f"{base}encoder.albert_layer_groups.{group}.albert_layers.{{layer}}"
        placed += stack(name, [None] * inner, blocks)
    placed += _on_top(c, head, base, hidden, width, vocab)
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=positions)


def _on_top(c: Config, head: str, base: str, hidden: int, width: int, vocab: int) -> list[PlacedBlock]:
    tied = "albert.embeddings.word_embeddings.weight" if c.flag("tie_word_embeddings", default=True) else None
    pooler = place(f"{base}pooler", Linear("other.pooler", hidden, hidden, bias=True))
    labels = Linear("head.classifier", c.labels(), hidden, bias=True)
    predictions = [
        place("predictions.dense", Linear("head.transform", width, hidden, bias=True)),
        place("predictions.LayerNorm", Norm(width, bias=True, role="head.norm")),
        place("predictions.decoder", Head(vocab, width, tied)),
        place("predictions.bias", Parameter("head.out", (vocab,))),
        *untied_bias(c, tied, vocab),
    ]
    if head == "Model":
        return [pooler]
    if head == "ForPreTraining":
        return [pooler, *predictions, place("sop_classifier.classifier", labels)]
    if head == "ForMaskedLM":
        return predictions
    if head == "ForSequenceClassification":
        return [pooler, place("classifier", labels)]
    if head == "ForTokenClassification":
        return [place("classifier", labels)]
    if head == "ForQuestionAnswering":
        return [place("qa_outputs", labels)]
    raise c.unsupported(f"is a {c.architecture('')}")

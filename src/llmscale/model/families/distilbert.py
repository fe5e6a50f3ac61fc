"""DistilBERT (arXiv:1910.01108; transformers 5.23 `DistilBertConfig`): half of BERT, no segments, no pooler."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, place, stack, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("distilbert",)


def read(c: Config) -> ModelSpec:
    """Read a DistilBERT config."""
    hidden, layers, vocab = c.hidden("dim", "hidden_size"), c.layers("n_layers", "num_hidden_layers"), c.vocab()
    intermediate = c.hidden("hidden_dim", "intermediate_size")
    positions = c.number("max_position_embeddings", default=512, high=MAX_POSITIONS)
    heads, _, head_dim = c.heads(hidden, "n_heads", "num_attention_heads", kv=())
    c.ignore("sinusoidal_pos_embds")

    head = c.head("Model")
    base = "" if head == "Model" else "distilbert."
    norm = Norm(hidden, bias=True)

    def blocks(_: None) -> Iterator[Named]:
        names = ("q_lin", "k_lin", "v_lin", "out_lin")
        yield (
            "attention",
            Attention(hidden, heads, heads, head_dim, names=names, qkv_bias=True, out_bias=True, cached=False),
        )
        yield "sa_layer_norm", norm
        yield "ffn", Mlp(hidden, intermediate, ("lin1", "lin2"), bias=True)
        yield "output_layer_norm", norm

    placed = [
        place(f"{base}embeddings.word_embeddings", Embedding(vocab, hidden)),
        place(f"{base}embeddings.position_embeddings", Embedding(positions, hidden, "embedding.position")),
        place(f"{base}embeddings.LayerNorm", norm),
        *stack(f"{base}transformer.layer.{{layer}}", [None] * layers, blocks),
        *_on_top(c, head, hidden, vocab),
    ]
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=positions)


def _on_top(c: Config, head: str, hidden: int, vocab: int) -> list[PlacedBlock]:
    tied = c.flag("tie_word_embeddings", default=True)
    if head == "Model":
        return []
    if head == "ForMaskedLM":
        tied_to = "distilbert.embeddings.word_embeddings.weight" if tied else None
        return [
            place("vocab_transform", Linear("head.transform", hidden, hidden, bias=True)),
            place("vocab_layer_norm", Norm(hidden, bias=True, role="head.norm")),
            place("vocab_projector", Head(vocab, hidden, tied_to, bias=True)),
        ]
    labels = Linear("head.classifier", c.labels(), hidden, bias=True)
    if head == "ForSequenceClassification":
        return [
            place("pre_classifier", Linear("head.transform", hidden, hidden, bias=True)),
            place("classifier", labels),
        ]
    if head == "ForTokenClassification":
        return [place("classifier", labels)]
    if head == "ForQuestionAnswering":
        return [place("qa_outputs", labels)]
    raise c.unsupported(f"is a {c.architecture('')}")

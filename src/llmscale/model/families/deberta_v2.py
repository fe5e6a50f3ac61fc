"""DeBERTa v2 and v3 (arXiv:2006.03654, arXiv:2111.09543; transformers 5.23 `DebertaV2Config`).

BERT's layers; positions enter attention from one table of relative distances, and, where ``share_att_key`` is off,
through projections of their own. The v2 models of 900M and 1.5B run a convolution beside the first layer.
Defaults as in that class: no relative attention, absolute positions in the input, no segments.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.convolution import Convolution
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bert import encoder_layer, untied_bias
from llmscale.model.families._bounds import MAX_HEADS, MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, place, stack, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("deberta-v2",)


def read(c: Config) -> ModelSpec:
    """Read a DeBERTa v2 or v3 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    positions = c.number("max_position_embeddings", default=512, high=MAX_POSITIONS)
    width = c.number("embedding_size", default=hidden)
    head_size = c.number("attention_head_size", default=None, high=MAX_HEADS)
    heads, _, head_dim = c.heads(hidden, kv=(), head_dim=head_size)
    relative, distances = c.flag("relative_attention"), _distances(c, positions)
    kinds = _position_projections(c) if relative else []
    c.ignore("pos_att_type", "share_att_key", "conv_act", "pooler_hidden_act", "position_biased_input")
    head = c.head("Model")
    base = "" if head == "Model" else "deberta."
    norm = Norm(hidden, bias=True)

    def blocks(_: None) -> Iterator[Named]:
        names = ("self.query_proj", "self.key_proj", "self.value_proj", "output.dense")
        yield from encoder_layer(hidden, intermediate, heads, head_dim, names)
        for kind in kinds:
            yield f"attention.self.{kind}", Linear("attention.position", heads * head_dim, hidden, bias=True)

    embeddings = _embeddings(c, vocab, positions, width, hidden)
    placed = [place(f"{base}embeddings.{name}", block) for name, block in embeddings]
    if relative:
        table = Embedding(2 * distances, hidden, "attention.relative_bias")
        placed.append(place(f"{base}encoder.rel_embeddings", table))
    if "layer_norm" in c.text("norm_rel_ebd", "none").lower():
        placed.append(place(f"{base}encoder.LayerNorm", norm))
    placed += stack(f"{base}encoder.layer.{{layer}}", [None] * layers, blocks)
    if kernel := c.number("conv_kernel_size", default=0, low=0):
        groups = c.number("conv_groups", default=1, high=hidden)
        convolution = Convolution("other.convolution", hidden, hidden // groups, (kernel,))
        placed.append(place(f"{base}encoder.conv.conv", convolution))
        placed.append(place(f"{base}encoder.conv.LayerNorm", norm))
    placed += _on_top(c, head, hidden, width, vocab)
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=positions)


def _embeddings(c: Config, vocab: int, positions: int, width: int, hidden: int) -> Iterator[Named]:
    """Tokens, positions and segments of `width` elements, brought to `hidden`."""
    segments = c.number("type_vocab_size", default=0, low=0)
    yield "word_embeddings", Embedding(vocab, width)
    if c.flag("position_biased_input", default=True):
        yield "position_embeddings", Embedding(positions, width, "embedding.position")
    if segments:
        yield "token_type_embeddings", Embedding(segments, width, "embedding.segment")
    if width != hidden:
        yield "embed_proj", Linear("embedding.projection", hidden, width)
    yield "LayerNorm", Norm(hidden, bias=True)


def _distances(c: Config, positions: int) -> int:
    longest = c.number("max_relative_positions", default=-1, low=-1, high=MAX_POSITIONS)
    buckets = c.number("position_buckets", default=-1, low=-1, high=MAX_POSITIONS)
    return next(count for count in (buckets, longest, positions) if count > 0)


def _position_projections(c: Config) -> list[str]:
    kinds = c.get("pos_att_type") or []
    if not isinstance(kinds, (str, list)):
        raise c.error(f"has pos_att_type = {kinds!r}, which is neither text nor a list of words")
    if c.flag("share_att_key"):
        return []
    return [name for kind, name in (("c2p", "pos_key_proj"), ("p2c", "pos_query_proj")) if kind in kinds]


def _on_top(c: Config, head: str, hidden: int, width: int, vocab: int) -> list[PlacedBlock]:
    pooled = c.number("pooler_hidden_size", default=hidden)
    tied = "deberta.embeddings.word_embeddings.weight" if c.flag("tie_word_embeddings", default=True) else None
    if not c.flag("legacy", default=True):
        raise c.unsupported("has another masked-language head (legacy: false)")
    if head == "Model":
        return []
    if head == "ForMaskedLM":
        return [
            place("cls.predictions.transform.dense", Linear("head.transform", width, hidden, bias=True)),
            place("cls.predictions.transform.LayerNorm", Norm(width, bias=True, role="head.norm")),
            place("cls.predictions.decoder", Head(vocab, width, tied)),
            place("cls.predictions.bias", Parameter("head.out", (vocab,))),
            *untied_bias(c, tied, vocab),
        ]
    if head == "ForSequenceClassification":
        return [
            place("pooler.dense", Linear("other.pooler", pooled, pooled, bias=True)),
            place("classifier", Linear("head.classifier", c.labels(), pooled, bias=True)),
        ]
    if head == "ForTokenClassification":
        return [place("classifier", Linear("head.classifier", c.labels(), hidden, bias=True))]
    if head == "ForQuestionAnswering":
        return [place("qa_outputs", Linear("head.classifier", c.labels(), hidden, bias=True))]
    raise c.unsupported(f"is a {c.architecture('')}")

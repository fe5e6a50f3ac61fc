"""ELECTRA (arXiv:2003.10555; transformers 5.23 `ElectraConfig`): BERT's layers behind a narrower embedding.

The discriminator is `ElectraForPreTraining`, the generator `ElectraForMaskedLM`. Defaults as in that class.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bert import encoder_layer
from llmscale.model.families._bounds import MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, place, stack, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("electra",)


def read(c: Config) -> ModelSpec:
    """Read an ELECTRA config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    width = c.number("embedding_size", default=128)
    positions = c.number("max_position_embeddings", default=512, high=MAX_POSITIONS)
    segments = c.number("type_vocab_size", default=2)
    heads, _, head_dim = c.heads(hidden, kv=())
    head = c.head("Model")
    base = "" if head == "Model" else "electra."
    embeddings = f"{base}embeddings"

    def blocks(_: None) -> Iterator[Named]:
        return encoder_layer(hidden, intermediate, heads, head_dim)

    placed = [
        place(f"{embeddings}.word_embeddings", Embedding(vocab, width)),
        place(f"{embeddings}.position_embeddings", Embedding(positions, width, "embedding.position")),
        place(f"{embeddings}.token_type_embeddings", Embedding(segments, width, "embedding.segment")),
        place(f"{embeddings}.LayerNorm", Norm(width, bias=True)),
    ]
    if width != hidden:
        placed.append(place(f"{base}embeddings_project", Linear("embedding.projection", hidden, width, bias=True)))
    placed += stack(f"{base}encoder.layer.{{layer}}", [None] * layers, blocks)
    placed += _on_top(c, head, hidden, width, vocab)
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=positions)


def _on_top(c: Config, head: str, hidden: int, width: int, vocab: int) -> list[PlacedBlock]:
    tied = "electra.embeddings.word_embeddings.weight" if c.flag("tie_word_embeddings", default=True) else None
    dense = Linear("head.transform", hidden, hidden, bias=True)
    labels = Linear("head.classifier", c.labels(), hidden, bias=True)
    if head == "Model":
        return []
    if head == "ForPreTraining":
        prediction = Linear("head.classifier", 1, hidden, bias=True)
        return [
            place("discriminator_predictions.dense", dense),
            place("discriminator_predictions.dense_prediction", prediction),
        ]
    if head == "ForMaskedLM":
        return [
            place("generator_predictions.LayerNorm", Norm(width, bias=True, role="head.norm")),
            place("generator_predictions.dense", Linear("head.transform", width, hidden, bias=True)),
            place("generator_lm_head", Head(vocab, width, tied, bias=True)),
        ]
    if head == "ForSequenceClassification":
        return [place("classifier.dense", dense), place("classifier.out_proj", labels)]
    if head == "ForTokenClassification":
        return [place("classifier", labels)]
    if head == "ForQuestionAnswering":
        return [place("qa_outputs", labels)]
    raise c.unsupported(f"is a {c.architecture('')}")

"""BART (arXiv:1910.13461) and its kin: mBART, Pegasus, Marian, M2M-100 and NLLB, Blenderbot.

Sources: transformers 5.23 `BartConfig`, `MBartConfig`, `PegasusConfig`, `MarianConfig`, `M2M100Config`,
`BlenderbotConfig`, `BlenderbotSmallConfig`. They differ in a norm behind the embeddings, a norm behind each stack and
in their positions: learned with two spare rows, learned or sinusoidal without, or computed and not stored.
The zeros of ``final_logits_bias``, a buffer, are not counted.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS, MAX_POSITIONS, MAX_VOCAB
from llmscale.model.families._config import Config
from llmscale.model.families._seq2seq import decoder_layer, encoder_layer
from llmscale.model.families._stack import Named, place, stack, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock
from llmscale.records import dataclass

MODEL_TYPES = ("bart", "mbart", "pegasus", "marian", "m2m_100", "blenderbot", "blenderbot-small")


@dataclass(frozen=True)
class Departure:
    """Where a family departs from the others.

    Attributes:
        spare: rows of positions besides those of tokens; None where positions are computed, not stored.
    """

    embedding_norm: bool
    final_norm: bool
    spare: int | None


DEPARTURES = {
    "bart": Departure(embedding_norm=True, final_norm=False, spare=2),
    "mbart": Departure(embedding_norm=True, final_norm=True, spare=2),
    "pegasus": Departure(embedding_norm=False, final_norm=True, spare=0),
    "marian": Departure(embedding_norm=False, final_norm=False, spare=0),
    "m2m_100": Departure(embedding_norm=False, final_norm=True, spare=None),
    "blenderbot": Departure(embedding_norm=False, final_norm=True, spare=0),
    "blenderbot-small": Departure(embedding_norm=True, final_norm=False, spare=0),
}


UNTIED = (
    "The tables are untied: as transformers 5 builds it, encoder and decoder have one each beside the shared one; "
    "files of transformers 4 have one.",
)


def read(c: Config) -> ModelSpec:
    """Read a BART-shaped config."""
    departure = DEPARTURES[c.model_type]
    hidden, vocab = c.hidden("d_model", "hidden_size"), c.vocab()
    positions = c.number("max_position_embeddings", default=1024, high=MAX_POSITIONS)
    c.ignore("num_hidden_layers", "scale_embedding", "static_position_embeddings", "add_bias_logits", "save_step")
    c.ignore("normalize_before", "normalize_embedding", "add_final_layer_norm", "extra_pos_embeddings")
    c.ignore(
        "force_bos_token_to_be_generated",
        "replacing_rate",
        "student_decoder_layers",
        "student_encoder_layers",
        "is_decoder",
    )
    marian = c.architecture("").endswith("MTModel")
    head = "ForConditionalGeneration" if marian else c.head("ForConditionalGeneration")
    base = "" if head == "Model" else "model."
    tied = c.flag("tie_word_embeddings", default=True)
    tables_apart = (
        not tied and c.saved_by() >= 5 and head != "ForCausalLM"
    )  # earlier releases share the table between the two stacks all the same

    apart = c.model_type == "marian" and not c.flag("share_encoder_decoder_embeddings", default=True)
    decoder_vocab = c.number("decoder_vocab_size", default=vocab, high=MAX_VOCAB)
    shared = f"{base}decoder.embed_tokens" if apart or head == "ForCausalLM" else f"{base}shared"
    placed: list[PlacedBlock] = []
    if apart and head != "ForCausalLM":
        placed.append(place(f"{base}encoder.embed_tokens", Embedding(vocab, hidden)))
    out_vocab = decoder_vocab if apart else vocab
    placed.append(place(shared, Embedding(out_vocab, hidden)))
    if tables_apart and not apart:
        placed += [place(f"{base}{side}.embed_tokens", Embedding(vocab, hidden)) for side in ("encoder", "decoder")]

    layers = 0
    for side in ("decoder",) if head == "ForCausalLM" else ("encoder", "decoder"):
        count = c.number(f"{side}_layers", high=MAX_LAYERS)
        placed += _side(c, side, f"{base}{side}", departure, hidden, count, positions)
        layers += count
    if head == "ForCausalLM":
        c.ignore("encoder_layers", "encoder_attention_heads", "encoder_ffn_dim")
    placed += _on_top(c, head, hidden, out_vocab, f"{shared}.weight" if tied else None)
    intermediate = c.hidden("decoder_ffn_dim")
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=intermediate,
        vocab=vocab,
        context=positions,
        warnings=UNTIED if tables_apart else (),
    )


def _side(
    c: Config, side: str, name: str, departure: Departure, hidden: int, layers: int, positions: int
) -> list[PlacedBlock]:
    heads = c.number(f"{side}_attention_heads", high=MAX_HEADS)
    intermediate = c.hidden(f"{side}_ffn_dim")
    if hidden % heads:
        raise c.error(f"has a width of {hidden}, not a multiple of its {heads} {side} heads")

    def blocks(_: None) -> Iterator[Named]:
        return (encoder_layer if side == "encoder" else decoder_layer)(hidden, heads, intermediate)

    placed: list[PlacedBlock] = []
    if departure.spare is not None:
        rows = Embedding(positions + departure.spare, hidden, "embedding.position")
        placed.append(place(f"{name}.embed_positions", rows))
    if departure.embedding_norm:
        placed.append(place(f"{name}.layernorm_embedding", Norm(hidden, bias=True)))
    placed += stack(f"{name}.layers.{{layer}}", [None] * layers, blocks)
    if departure.final_norm:
        placed.append(place(f"{name}.layer_norm", Norm(hidden, bias=True)))
    return placed


def _on_top(c: Config, head: str, hidden: int, vocab: int, tied_to: str | None) -> list[PlacedBlock]:
    if head == "Model":
        return []
    if head in ("ForConditionalGeneration", "ForCausalLM"):
        return [place("lm_head", Head(vocab, hidden, tied_to))]
    if head == "ForSequenceClassification":
        return [
            place("classification_head.dense", Linear("head.transform", hidden, hidden, bias=True)),
            # BART's own default: the three answers of natural language inference.
            place("classification_head.out_proj", Linear("head.classifier", c.labels(_labels(c)), hidden, bias=True)),
        ]
    if head == "ForQuestionAnswering":
        return [place("qa_outputs", Linear("head.classifier", 2, hidden, bias=True))]
    raise c.unsupported(f"is a {c.architecture('')}")


def _labels(c: Config) -> int:
    return 3 if c.model_type == "bart" else 2

"""Whisper (arXiv:2212.04356; transformers 5.23 `WhisperConfig`): BART's layers over two convolutions of a spectrogram.

Keys are not biased; the encoder's positions are sinusoids but stored; the head is tied.
Defaults as in that class. The audio tower of multimodal models is `encoder`.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.convolution import Convolution
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS, MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._seq2seq import decoder_layer, encoder_layer
from llmscale.model.families._stack import Named, classifier, place, stack, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("whisper",)


def read(c: Config) -> ModelSpec:
    """Read a Whisper config."""
    hidden, vocab = c.hidden("d_model", "hidden_size"), c.vocab()
    layers = c.number("decoder_layers", high=MAX_LAYERS)
    intermediate = c.hidden("decoder_ffn_dim")
    heads = c.number("decoder_attention_heads", high=MAX_HEADS)
    positions = c.number("max_target_positions", default=448, high=MAX_POSITIONS)
    if hidden % heads:
        raise c.error(f"has a width of {hidden}, not a multiple of its {heads} decoder heads")
    c.ignore("num_hidden_layers", "scale_embedding", "median_filter_width", "apply_spec_augment")
    c.ignore(*(f"mask_{axis}_{what}" for axis in ("time", "feature") for what in ("prob", "length", "min_masks")))
    weighted = c.flag("use_weighted_layer_sum")
    projected = c.number("classifier_proj_size", default=256)
    head = c.head("ForConditionalGeneration")
    base = "model." if head == "ForConditionalGeneration" else ""
    listening, depth = encoder(c, f"{base}encoder.", hidden)
    if head == "ForAudioClassification":
        placed = [*listening, *_classifier(c, hidden, projected, depth + 1 if weighted else 0)]
        return text_spec(c, placed, layers=depth, hidden=hidden, intermediate=intermediate, vocab=0, context=positions)

    def blocks(_: None) -> Iterator[Named]:
        return decoder_layer(hidden, heads, intermediate, k_bias=False, source_tokens=_heard(c))

    embed = f"{base}decoder.embed_tokens"
    placed = [
        *listening,
        place(embed, Embedding(vocab, hidden)),
        place(f"{base}decoder.embed_positions", Embedding(positions, hidden, "embedding.position")),
        *stack(f"{base}decoder.layers.{{layer}}", [None] * layers, blocks),
        place(f"{base}decoder.layer_norm", Norm(hidden, bias=True)),
    ]
    tied = c.flag("tie_word_embeddings", default=True)
    if head == "ForConditionalGeneration":
        placed.append(place("proj_out", Head(vocab, hidden, f"{embed}.weight" if tied else None)))
    elif head != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    return text_spec(
        c, placed, layers=depth + layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=positions
    )


def _classifier(c: Config, hidden: int, projected: int, weights: int) -> list[PlacedBlock]:
    """A classifier of what was heard, over the mean of the layers' outputs by so many `weights` where there are any."""
    weighted = [place("layer_weights", Parameter("other.layer_weights", (weights,)))] if weights else []
    projector = place("projector", Linear("head.transform", projected, hidden, bias=True))
    return [*weighted, projector, *classifier(c, projected)]


def _heard(c: Config) -> int:
    """Tokens of the encoder: of 30 seconds, to which sound is cut or padded."""
    return c.number("max_source_positions", default=1500, high=MAX_POSITIONS)


def encoder(c: Config, prefix: str, hidden: int, tower: str | None = None) -> tuple[list[PlacedBlock], int]:
    """The half that listens, and its number of layers."""
    layers = c.number("encoder_layers", high=MAX_LAYERS)
    heads = c.number("encoder_attention_heads", high=MAX_HEADS)
    intermediate = c.hidden("encoder_ffn_dim")
    mels = c.number("num_mel_bins", default=80)
    positions = _heard(c)
    if hidden % heads:
        raise c.error(f"has a width of {hidden}, not a multiple of its {heads} encoder heads")

    def blocks(_: None) -> Iterator[Named]:
        return encoder_layer(hidden, heads, intermediate, k_bias=False)

    placed = [
        place(f"{prefix}conv1", Convolution("embedding.convolution", hidden, mels, (3,)), tower=tower),
        place(f"{prefix}conv2", Convolution("embedding.convolution", hidden, hidden, (3,)), tower=tower),
        place(f"{prefix}embed_positions", Embedding(positions, hidden, "embedding.position"), tower=tower),
        *stack(f"{prefix}layers.{{layer}}", [None] * layers, blocks, tower),
        place(f"{prefix}layer_norm", Norm(hidden, bias=True), tower=tower),
    ]
    return placed, layers

"""Qwen2-Audio (arXiv:2407.10759), Voxtral (arXiv:2507.13264) and Qwen3-ASR: text behind an encoder of sound.

Sources: transformers 5.24 `Qwen2AudioConfig`, `VoxtralConfig`, `Qwen3ASRConfig`. The first two hear with Whisper's
encoder; Voxtral joins neighbouring frames before its projector. Qwen3-ASR's has three strided convolutions over the
spectrogram and positions of its own making.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.convolution import Convolution
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, whole
from llmscale.model.families._seq2seq import encoder_layer
from llmscale.model.families._stack import Named, place, stack
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("qwen2_audio", "qwen3_asr", "voxtral")
#: model_type -> that of its text where the file does not say
TEXT = {"qwen2_audio": "qwen2", "qwen3_asr": "qwen3", "voxtral": "llama"}
#: What Voxtral's class makes of a text part that leaves keys out.
VOXTRAL = {
    "vocab_size": 131_072,
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_hidden_layers": 30,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131_072,
    "head_dim": 128,
}


def read(c: Config) -> ModelSpec:
    """Read a Qwen2-Audio, Qwen3-ASR or Voxtral config."""
    text = text_part(
        c,
        "model.language_model.",
        tied=tied(c, default=c.model_type == "qwen3_asr"),
        model_type=TEXT[c.model_type],
        head_prefix="",
        defaults=VOXTRAL if c.model_type == "voxtral" else None,
    )
    c.ignore("projector_hidden_act", "hidden_size", "vocab_size", "ignore_index")
    audio = c.part("audio_config", "model.audio_tower.", defaults={})
    hidden = audio.number("d_model", "hidden_size", default=1024 if c.model_type == "qwen3_asr" else 1280)
    wide = audio.number("encoder_ffn_dim", "intermediate_size", default=4 * hidden)
    heard = _asr(audio, hidden, wide) if c.model_type == "qwen3_asr" else _whisper(audio, hidden, wide)
    projector = _projector(c, audio, hidden, wide, text.hidden_size)
    placed = [
        place(f"model.multi_modal_projector.{name}", block, tower="projector") for name, block in projector.items()
    ]
    return whole(c, text, [*heard, *placed])


def _projector(c: Config, audio: Config, hidden: int, wide: int, out: int) -> dict[str, Linear]:
    if c.model_type == "qwen2_audio":
        return {"linear": Linear("projector.linear", out, hidden, bias=True)}
    if c.model_type == "voxtral":
        # Frames are joined until they are as wide as the encoder's MLP (`VoxtralForConditionalGeneration`).
        return {"linear_1": Linear("projector.up", out, wide), "linear_2": Linear("projector.down", out, out)}
    return {
        "linear_1": Linear("projector.up", hidden, hidden, bias=True),
        "linear_2": Linear("projector.down", audio.number("output_dim", default=3584), hidden, bias=True),
    }


def _layers(c: Config, hidden: int, wide: int, size: tuple[int, int], k_bias: bool) -> list[PlacedBlock]:
    """The encoder's layers; `size` is how many, and of how many heads, where the file does not say."""
    layers = c.number("encoder_layers", "num_hidden_layers", default=size[0], high=MAX_LAYERS)
    heads = c.number("encoder_attention_heads", "num_attention_heads", default=size[1], high=MAX_HEADS)
    if hidden % heads:
        raise c.error(f"has a width of {hidden}, not a multiple of its {heads} heads")
    c.ignore("scale_embedding", "num_hidden_layers", "vocab_size", "head_dim", "num_key_value_heads")

    def blocks(_: None) -> Iterator[Named]:
        return encoder_layer(hidden, heads, wide, k_bias=k_bias)

    return stack(f"{c.prefix}layers.{{layer}}", [None] * layers, blocks, "audio")


def _whisper(c: Config, hidden: int, wide: int) -> list[PlacedBlock]:
    mels, positions = c.number("num_mel_bins", default=128), c.number("max_source_positions", default=1500)
    table = Embedding(positions, hidden, "embedding.position")
    before: list[Named] = [
        ("conv1", Convolution("embedding.convolution", hidden, mels, (3,))),
        ("conv2", Convolution("embedding.convolution", hidden, hidden, (3,))),
        ("embed_positions", table),
    ]
    return [
        *(place(f"{c.prefix}{name}", block, tower="audio") for name, block in before),
        *_layers(c, hidden, wide, (32, 20), k_bias=False),
        place(f"{c.prefix}layer_norm", Norm(hidden, bias=True), tower="audio"),
    ]


def _asr(c: Config, hidden: int, wide: int) -> list[PlacedBlock]:
    mels, inner = c.number("num_mel_bins", default=128), c.number("downsample_hidden_size", default=480)
    rows = -(-mels // 8)  # three strides of 2
    c.ignore("n_window", "n_window_infer", "max_position_embeddings", "max_source_positions", "conv_chunksize")
    before: list[Named] = [
        ("conv2d1", Convolution("embedding.convolution", inner, 1, (3, 3))),
        ("conv2d2", Convolution("embedding.convolution", inner, inner, (3, 3))),
        ("conv2d3", Convolution("embedding.convolution", inner, inner, (3, 3))),
        ("conv_out", Linear("embedding.convolution", hidden, inner * rows)),
    ]
    return [
        *(place(f"{c.prefix}{name}", block, tower="audio") for name, block in before),
        *_layers(c, hidden, wide, (24, 16), k_bias=True),
        place(f"{c.prefix}ln_post", Norm(hidden, bias=True), tower="audio"),
    ]

"""Qwen2.5-Omni (arXiv:2503.20215; transformers 5.24 `Qwen2_5OmniConfig`): a thinker, a talker, and what makes sound of
the talker's codes. Without ``enable_audio_output`` the class builds the thinker alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families import read_part
from llmscale.model.families._config import Config
from llmscale.model.families._speaking import SOUND, spectrogram, wave
from llmscale.model.families._stack import Named, place, stack
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("qwen2_5_omni",)
THINKER = {"model_type": "qwen2_5_omni_thinker"}

#: Keys of the talker about time, places and windows, which leave its tensors alone.
QUIET = (
    *("layer_types", "max_position_embeddings", "max_window_layers", "use_sliding_window", "sliding_window"),
    *("position_id_per_seconds", "seconds_per_chunk", "spatial_merge_size"),
)


def read(c: Config) -> ModelSpec:
    """Read a Qwen2.5-Omni config."""
    known = {"architectures": ["Qwen2_5OmniThinkerForConditionalGeneration"]}
    text = read_part(c.part("thinker_config", defaults=THINKER, known=known))
    spoken: list[PlacedBlock] = []
    if c.flag("enable_audio_output", default=True):
        spoken += _talker(c.part("talker_config", "talker.", defaults={}))
        sound = c.part("token2wav_config", "token2wav.", defaults={})
        spoken += spectrogram(sound.part("dit_config", "", defaults={}), "token2wav.code2wav_dit_model")
        spoken += wave(sound.part("bigvgan_config", "", defaults={}), "token2wav.code2wav_bigvgan_model")
    else:
        c.ignore("talker_config", "token2wav_config")
    # What was derived is named from the part on, whatever stands before it.
    named = [each._replace(prefix=f"thinker.{each.prefix}") for each in text.placed]
    return replace(text, family=c.model_type, text_family=text.text_family or text.family, placed=(*named, *spoken))


def _talker(c: Config) -> Iterator[PlacedBlock]:
    """A Qwen2 over codes of sound, which reads the thinker's states."""
    hidden, read = c.number("hidden_size", default=3584), c.number("embedding_size", default=3584)
    wide, vocab = c.number("intermediate_size", default=18_944), c.number("vocab_size", default=8448)
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=4, head_dim=128)
    layers = c.layers()
    c.ignore(*QUIET)

    def blocks(_: None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, qkv_bias=True)
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", GatedMlp(hidden, wide)

    around: dict[str, Linear | Embedding | Norm] = {
        "thinker_to_talker_proj": Linear("projector.text", hidden, read, bias=True),
        "model.embed_tokens": Embedding(vocab, read),
        "model.norm": Norm(hidden),
        "codec_head": Linear("head.codes", vocab, hidden),
    }
    yield from (place(f"talker.{name}", block, tower=SOUND) for name, block in around.items())
    yield from stack("talker.model.layers.{layer}", [None] * layers, blocks, SOUND)

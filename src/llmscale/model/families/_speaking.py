"""How Qwen2.5-Omni speaks (arXiv:2503.20215; transformers 5.24 `Qwen2_5OmniToken2WavConfig`): codes to sound.

A diffusion transformer makes a spectrogram of the talker's codes and of a voice, which an ECAPA-TDNN hears
(arXiv:2005.07143); BigVGAN (arXiv:2206.04658) makes the wave of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.convolution import Convolution
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, place, stack
from llmscale.model.spec import PlacedBlock

#: Width of the sines that tell how far the diffusion is; convolutions before and after the wave; of a block of BigVGAN.
TIME, ENDS, CONVOLUTIONS = 256, (7,), 3
SOUND = "audio"


def spectrogram(c: Config, prefix: str) -> Iterator[PlacedBlock]:
    """The diffusion transformer's blocks."""
    hidden, layers = c.number("hidden_size", default=1024), c.number("num_hidden_layers", default=22, high=MAX_LAYERS)
    inner = c.number("num_attention_heads", default=16, high=MAX_HEADS) * c.number("head_dim", default=64)
    wide, mel = hidden * c.number("ff_mult", default=2), c.number("mel_dim", default=80)
    code, voice = c.number("emb_dim", default=512), c.number("enc_dim", default=128)
    heard = mel + voice + c.number("enc_emb_dim", default=192) + code
    c.ignore("block_size", "look_ahead_layers", "look_backward_layers", "repeats", "dropout", "max_position_embeddings")

    def around() -> Iterator[Named]:
        yield "time_embed.time_mlp.0", Linear("audio.in", hidden, TIME, bias=True)
        yield "time_embed.time_mlp.2", Linear("audio.in", hidden, hidden, bias=True)
        yield "text_embed.codec_embed", Embedding(c.number("num_embeds", default=8193) + 1, code)
        yield "input_embed.proj", Linear("audio.in", hidden, heard, bias=True)
        for name, block in _voice(c, mel, voice):
            yield f"input_embed.spk_encoder.{name}", block
        yield "norm_out.linear", Linear("audio.in", 2 * hidden, hidden, bias=True)
        yield "proj_out", Linear("audio.in", mel, hidden, bias=True)

    def blocks(_: None) -> Iterator[Named]:
        yield "attn_norm.linear", Linear("audio.in", 6 * hidden, hidden, bias=True)
        yield "attn.to_q", Linear("audio.attention", inner, hidden, bias=True)
        yield "attn.to_k", Linear("audio.attention", inner, hidden, bias=True)
        yield "attn.to_v", Linear("audio.attention", inner, hidden, bias=True)
        yield "attn.to_out.0", Linear("audio.attention", hidden, inner, bias=True)
        yield "ff.ff.0", Linear("audio.up", wide, hidden, bias=True)
        yield "ff.ff.3", Linear("audio.down", hidden, wide, bias=True)

    yield from (place(f"{prefix}.{name}", block, tower=SOUND) for name, block in around())
    yield from stack(f"{prefix}.transformer_blocks.{{layer}}", [None] * layers, blocks, SOUND)


def _voice(c: Config, mel: int, out: int) -> Iterator[Named]:
    """ECAPA-TDNN: convolutions in time, three of them in groups of rising reach, pooled by attention."""
    widths = c.numbers("enc_channels", default=[256, 256, 256, 256, 768])
    kernels = c.numbers("enc_kernel_sizes", default=[5, 3, 3, 3, 1])
    reaches = c.numbers("enc_dilations", default=[1, 2, 3, 4, 1])
    scale, narrow = c.number("enc_res2net_scale", default=2), c.number("enc_se_channels", default=64)
    pooled = c.number("enc_attention_channels", default=64)
    if not len(widths) == len(kernels) == len(reaches) or len(widths) < 2 or any(w % scale for w in widths[1:-1]):
        raise c.error("has enc_channels, enc_kernel_sizes and enc_dilations that do not go together")
    last = widths[-1]
    yield "blocks.0.conv", _in_time(widths[0], mel, kernels[0])
    for number, (before, width, kernel) in enumerate(zip(widths, widths[1:-1], kernels[1:], strict=False), 1):
        part = width // scale
        yield f"blocks.{number}.tdnn1.conv", _in_time(width, before)
        for each in range(scale - 1):
            yield f"blocks.{number}.res2net_block.blocks.{each}.conv", _in_time(part, part, kernel)
        yield f"blocks.{number}.tdnn2.conv", _in_time(width, width)
        yield f"blocks.{number}.se_block.conv1", _in_time(narrow, width)
        yield f"blocks.{number}.se_block.conv2", _in_time(width, narrow)
    yield "mfa.conv", _in_time(last, last, kernels[-1])
    yield "asp.tdnn.conv", _in_time(pooled, 3 * last)
    yield "asp.conv", _in_time(last, pooled)
    yield "fc", _in_time(out, 2 * last)


def _in_time(out: int, in_: int, kernel: int = 1) -> Convolution:
    return Convolution("other.convolution", out, in_, (kernel,))


def wave(c: Config, prefix: str) -> Iterator[PlacedBlock]:
    """BigVGAN's blocks: each stage halves the channels, then reads them with kernels of several sizes."""
    first, mel = c.number("upsample_initial_channel", default=1536), c.number("mel_dim", default=80)
    sizes = c.numbers("resblock_kernel_sizes", default=[3, 7, 11])
    rates = c.numbers("upsample_rates", default=[5, 3, 2, 2, 2, 2])
    kernels = c.numbers("upsample_kernel_sizes", default=[11, 7, 4, 4, 4, 4])
    c.ignore("resblock_dilation_sizes")
    if len(rates) != len(kernels) or first >> len(rates) < 1:
        raise c.error("has upsample_rates, upsample_kernel_sizes and upsample_initial_channel that do not go together")
    widths = [first >> stage for stage in range(len(rates) + 1)]

    def named() -> Iterator[Named]:
        yield "conv_pre", Convolution("other.convolution", first, mel, ENDS)
        for stage, kernel in enumerate(kernels):
            before, width = widths[stage], widths[stage + 1]
            yield f"ups.{stage}.0", Convolution("other.convolution", before, width, (kernel,), bias=False)
            yield f"ups.{stage}.0.bias", Parameter("audio.scale", (width,))
        for number, (width, kernel) in enumerate((width, size) for width in widths[1:] for size in sizes):
            for name in ("convs1", "convs2"):
                for each in range(CONVOLUTIONS):
                    yield f"resblocks.{number}.{name}.{each}", _in_time(width, width, kernel)
            for each in range(2 * CONVOLUTIONS):
                yield from _snake(f"resblocks.{number}.activations.{each}", width)
        yield from _snake("activation_post", widths[-1])
        yield "conv_post", Convolution("other.convolution", 1, widths[-1], ENDS, bias=False)

    yield from (place(f"{prefix}.{name}", block, tower=SOUND) for name, block in named())


def _snake(name: str, width: int) -> Iterator[Named]:
    yield f"{name}.act.alpha", Parameter("audio.scale", (width,))
    yield f"{name}.act.beta", Parameter("audio.scale", (width,))

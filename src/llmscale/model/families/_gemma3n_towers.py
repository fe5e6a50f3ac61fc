"""The towers of Gemma 3n's multimodal model (transformers 5.23 `Gemma3nVisionConfig` and `Gemma3nAudioConfig`).

Vision: MobileNetV5-300M, whose file gives no dimensions; they are those of timm 1.0.31, ``mobilenetv5_300m_enc``
(294,126,912 parameters). Audio: the Universal Speech Model's conformer (arXiv:2303.01037).
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, place, stack
from llmscale.model.spec import PlacedBlock

#: Inverted bottlenecks at the head of stages 1 to 3: (width, kernels before and within the expansion, expansion).
BOTTLENECKS = (
    ((256, 3, 5, 6), (256, 5, 0, 4), (256, 3, 0, 4), (256, 5, 0, 4), (256, 3, 0, 4)),
    ((640, 5, 5, 6), *((640, 5, 0, 4),) * 7, (640, 0, 0, 1)),
    ((1280, 5, 5, 6),),
)
#: Multi-query attention that alternates with plain bottlenecks at their tail: (pairs, heads, head dimension, kernel
#: that shrinks keys and values).
ATTENTION = ((0, 0, 0, 0), (14, 12, 64, 3), (19, 16, 96, 0))
STEM, FIRST, FUSED, OUT = 64, 128, 3, 2048


def vision_tower(c: Config) -> tuple[list[PlacedBlock], int]:
    """The vision tower's blocks and its width."""
    if c.text("architecture") != "mobilenetv5_300m_enc" or c.number("hidden_size", default=OUT) != OUT:
        raise c.unsupported(f"has a vision tower '{c.text('architecture')}'")
    c.ignore("vocab_offset", "do_pooling", "model_args", "num_classes", "label_names")
    blocks: list[Named] = [("conv_stem.conv.weight", _conv(STEM, 3, 3)), ("conv_stem.conv.bias", _vector(STEM))]
    blocks.append(("conv_stem.bn", Norm(STEM)))
    width = STEM
    for i in range(FUSED):
        blocks += _fused(f"blocks.0.{i}", width, 4 * width)
        width = FIRST
    for stage, (heads, tail) in enumerate(zip(BOTTLENECKS, ATTENTION, strict=True), 1):
        for i, (out, before, within, expansion) in enumerate(heads):
            blocks += _bottleneck(f"blocks.{stage}.{i}", width, out, before, within, expansion * width)
            width = out
        pairs, count, dim, shrink = tail
        for i in range(len(heads), len(heads) + 2 * pairs, 2):
            blocks += _attention(f"blocks.{stage}.{i}", width, count * dim, dim, shrink)
            blocks += _bottleneck(f"blocks.{stage}.{i + 1}", width, width, 0, 0, 2 * width)
    both = BOTTLENECKS[1][-1][0] + width  # the last two stages are fused into one
    blocks += _expand("msfa.ffn", both, 2 * both, OUT)
    blocks.append(("msfa.norm", Norm(OUT)))
    return [place(f"{c.prefix}timm_model.{name}", block, tower="vision") for name, block in blocks], OUT


def _conv(out: int, in_: int, kernel: int) -> Parameter:
    return Parameter("vision.conv", (out, in_, kernel, kernel))


def _vector(size: int) -> Parameter:
    return Parameter("vision.conv", (size,))


def _fused(name: str, width: int, expanded: int) -> Iterator[Named]:
    yield f"{name}.conv_exp.weight", _conv(expanded, width, 3)
    yield f"{name}.bn1", Norm(expanded)
    yield f"{name}.conv_pwl.weight", _conv(FIRST, expanded, 1)
    yield f"{name}.bn2", Norm(FIRST)


def _expand(name: str, width: int, expanded: int, out: int, within: int = 0) -> Iterator[Named]:
    yield f"{name}.pw_exp.conv.weight", _conv(expanded, width, 1)
    yield f"{name}.pw_exp.bn", Norm(expanded)
    if within:
        yield f"{name}.dw_mid.conv.weight", _conv(expanded, 1, within)
        yield f"{name}.dw_mid.bn", Norm(expanded)
    yield f"{name}.pw_proj.conv.weight", _conv(out, expanded, 1)
    yield f"{name}.pw_proj.bn", Norm(out)


def _bottleneck(name: str, width: int, out: int, before: int, within: int, expanded: int) -> Iterator[Named]:
    if before:
        yield f"{name}.dw_start.conv.weight", _conv(width, 1, before)
        yield f"{name}.dw_start.bn", Norm(width)
    yield from _expand(name, width, expanded, out, within)
    yield f"{name}.layer_scale.gamma", _vector(out)


def _attention(name: str, width: int, query: int, dim: int, shrink: int) -> Iterator[Named]:
    yield f"{name}.norm", Norm(width)
    yield f"{name}.attn.query.proj.weight", _conv(query, width, 1)
    for part in ("key", "value"):
        if shrink:
            yield f"{name}.attn.{part}.down_conv.weight", _conv(width, 1, shrink)
            yield f"{name}.attn.{part}.norm", Norm(width)
        yield f"{name}.attn.{part}.proj.weight", _conv(dim, width, 1)
    yield f"{name}.attn.output.proj.weight", _conv(width, query, 1)
    yield f"{name}.layer_scale.gamma", _vector(width)


def audio_tower(c: Config) -> tuple[list[PlacedBlock], int]:
    """The audio tower's blocks and its width; defaults as in `Gemma3nAudioConfig`."""
    hidden = c.number("hidden_size", default=1536)
    layers = c.number("conf_num_hidden_layers", default=12, high=MAX_LAYERS)
    heads = c.number("conf_num_attention_heads", default=8, high=MAX_HEADS)
    if hidden % heads:
        raise c.error(f"has a hidden size of {hidden}, not a multiple of its {heads} heads")
    kernel = c.number("conf_conv_kernel_size", default=5)
    c.ignore("vocab_offset", "gradient_clipping", "conf_attention_chunk_size", "conf_residual_weight")
    c.ignore("conf_attention_context_left", "conf_attention_context_right", "conf_attention_logit_cap")
    c.ignore("conf_reduction_factor")

    def blocks(_: None) -> Iterator[Named]:
        yield from _feed_forward("ffw_layer_start", hidden)
        yield "attention.pre_attn_norm", Norm(hidden)
        yield "attention.attn.per_dim_scale", Parameter("audio.scale", (hidden // heads,))
        for name in ("relative_position_embedding.pos_proj", "q_proj", "k_proj", "v_proj"):
            yield f"attention.attn.{name}", Linear("audio.attention", hidden, hidden)
        yield "attention.post", Linear("audio.attention", hidden, hidden)
        yield "attention.post_norm", Norm(hidden)
        yield "lconv1d.pre_layer_norm", Norm(hidden)
        yield "lconv1d.linear_start", Linear("audio.conv", 2 * hidden, hidden)
        yield "lconv1d.depthwise_conv1d.weight", Parameter("audio.conv", (hidden, 1, kernel))
        yield "lconv1d.conv_norm", Norm(hidden)
        yield "lconv1d.linear_end", Linear("audio.conv", hidden, hidden)
        yield from _feed_forward("ffw_layer_end", hidden)
        yield "norm", Norm(hidden)

    prefix = f"{c.prefix}subsample_conv_projection."
    placed = [place(f"{prefix}{name}", block, tower="audio") for name, block in _subsampling(c, hidden)]
    placed += stack(f"{c.prefix}conformer.{{layer}}", [None] * layers, blocks, tower="audio")
    return placed, hidden


def _feed_forward(name: str, hidden: int) -> Iterator[Named]:
    yield f"{name}.pre_layer_norm", Norm(hidden)
    yield f"{name}.ffw_layer_1", Linear("audio.up", 4 * hidden, hidden)
    yield f"{name}.ffw_layer_2", Linear("audio.down", hidden, 4 * hidden)
    yield f"{name}.post_layer_norm", Norm(hidden)


def _subsampling(c: Config, hidden: int) -> Iterator[Named]:
    """Two convolutions of 3 over time and frequency, each moving by 2 and padded by one on both sides."""
    features = c.number("input_feat_size", default=128)
    channels = c.numbers("sscp_conv_channel_size", default=[128, 32])
    for key, value in (("sscp_conv_kernel_size", 3), ("sscp_conv_stride_size", 2)):
        if len(channels) != 2 or c.get(key) not in (None, [[value, value]] * 2):
            raise c.unsupported(f"has a subsampling other than two convolutions of {key} {value}")
    first, second = channels
    left = ((features + 1) // 2 + 1) // 2
    yield "conv_0.conv.weight", Parameter("audio.conv", (first, 1, 3, 3))
    yield "conv_0.norm", Norm(first)
    yield "conv_1.conv.weight", Parameter("audio.conv", (second, first, 3, 3))
    yield "conv_1.norm", Norm(second)
    yield "input_proj_linear", Linear("audio.in", hidden, second * left)

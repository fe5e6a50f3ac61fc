"""The towers of Gemma 4's multimodal models (transformers 5.23 `Gemma4VisionConfig` and `Gemma4AudioConfig`).

Vision: Gemma's own layers over patches, positions along two axes. Audio: a conformer (arXiv:2005.08100).
``use_clipped_linears`` puts every projection between two clamps.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.linear import ClippedLinear, Linear, Parameter
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, place, stack
from llmscale.model.spec import PlacedBlock


def vision_tower(c: Config) -> tuple[list[PlacedBlock], int]:
    """The vision tower's blocks and its width; defaults as in `Gemma4VisionConfig`."""
    hidden, layers = c.number("hidden_size", default=768), c.number("num_hidden_layers", default=16)
    intermediate = c.number("intermediate_size", default=3072)
    heads = c.number("num_attention_heads", default=12, high=MAX_HEADS)
    kv_heads = c.number("num_key_value_heads", default=12, high=heads)
    head_dim = c.number("head_dim", default=64, high=MAX_HEADS)
    patch, positions = c.number("patch_size", default=16), c.number("position_embedding_size", default=10_240)
    clipped = c.flag("use_clipped_linears")
    c.ignore("global_head_dim", "default_output_length", "pooling_kernel_size", "max_position_embeddings")
    c.ignore("attention_bias", "image_seq_length", "video_seq_length")

    def blocks(_: None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield "self_attn.q_proj", ClippedLinear("vision.q", heads * head_dim, hidden, clipped)
        yield "self_attn.k_proj", ClippedLinear("vision.k", kv_heads * head_dim, hidden, clipped)
        yield "self_attn.v_proj", ClippedLinear("vision.v", kv_heads * head_dim, hidden, clipped)
        yield "self_attn.q_norm", Norm(head_dim)
        yield "self_attn.k_norm", Norm(head_dim)
        yield "self_attn.o_proj", ClippedLinear("vision.o", hidden, heads * head_dim, clipped)
        yield "post_attention_layernorm", Norm(hidden)
        yield "pre_feedforward_layernorm", Norm(hidden)
        yield "mlp.gate_proj", ClippedLinear("vision.gate", intermediate, hidden, clipped)
        yield "mlp.up_proj", ClippedLinear("vision.up", intermediate, hidden, clipped)
        yield "mlp.down_proj", ClippedLinear("vision.down", hidden, intermediate, clipped)
        yield "post_feedforward_layernorm", Norm(hidden)

    before: list[Named] = [
        ("patch_embedder.input_proj", Linear("vision.patch", hidden, 3 * patch**2)),
        ("patch_embedder.position_embedding_table", Parameter("vision.position", (2, positions, hidden))),
    ]
    after: list[Named] = [
        ("std_bias", Parameter("vision.std", (hidden,))),
        ("std_scale", Parameter("vision.std", (hidden,))),
    ]
    placed = [place(f"{c.prefix}{name}", block, tower="vision") for name, block in before]
    placed += stack(f"{c.prefix}encoder.layers.{{layer}}", [None] * layers, blocks, tower="vision")
    if c.flag("standardize"):
        placed += [place(f"{c.prefix}{name}", block, tower="vision") for name, block in after]
    return placed, hidden


def audio_tower(c: Config) -> tuple[list[PlacedBlock], int]:
    """The audio tower's blocks and the width it projects to; defaults as in `Gemma4AudioConfig`."""
    hidden, layers = c.number("hidden_size", default=1024), c.number("num_hidden_layers", default=12)
    heads = c.number("num_attention_heads", default=8, high=MAX_HEADS)
    if hidden % heads:
        raise c.error(f"has a hidden size of {hidden}, not a multiple of its {heads} heads")
    kernel, width = c.number("conv_kernel_size", default=5), c.number("output_proj_dims", default=1536)
    clipped = c.flag("use_clipped_linears", default=True)
    c.ignore("residual_weight", "gradient_clipping", "attention_chunk_size", "attention_context_left")
    c.ignore("attention_context_right", "attention_logit_cap", "attention_invalid_logits_value")

    def blocks(_: None) -> Iterator[Named]:
        yield from _feed_forward("feed_forward1", hidden, clipped)
        yield "norm_pre_attn", Norm(hidden)
        for name in ("q_proj", "k_proj", "v_proj", "post"):
            yield f"self_attn.{name}", ClippedLinear("audio.attention", hidden, hidden, clipped)
        yield "self_attn.relative_k_proj", Linear("audio.relative", hidden, hidden)
        yield "self_attn.per_dim_scale", Parameter("audio.scale", (hidden // heads,))
        yield "norm_post_attn", Norm(hidden)
        yield "lconv1d.pre_layer_norm", Norm(hidden)
        yield "lconv1d.linear_start", ClippedLinear("audio.conv", 2 * hidden, hidden, clipped)
        yield "lconv1d.depthwise_conv1d.weight", Parameter("audio.conv", (hidden, 1, kernel))
        yield "lconv1d.conv_norm", Norm(hidden)
        yield "lconv1d.linear_end", ClippedLinear("audio.conv", hidden, hidden, clipped)
        yield from _feed_forward("feed_forward2", hidden, clipped)
        yield "norm_out", Norm(hidden)

    prefix = f"{c.prefix}subsample_conv_projection."
    placed = [place(f"{prefix}{name}", block, tower="audio") for name, block in _subsampling(c, hidden)]
    placed += stack(f"{c.prefix}layers.{{layer}}", [None] * layers, blocks, tower="audio")
    placed.append(place(f"{c.prefix}output_proj", Linear("audio.out", width, hidden, bias=True), tower="audio"))
    return placed, width


def _feed_forward(name: str, hidden: int, clipped: bool) -> Iterator[Named]:
    yield f"{name}.pre_layer_norm", Norm(hidden)
    yield f"{name}.ffw_layer_1", ClippedLinear("audio.up", 4 * hidden, hidden, clipped)
    yield f"{name}.ffw_layer_2", ClippedLinear("audio.down", hidden, 4 * hidden, clipped)
    yield f"{name}.post_layer_norm", Norm(hidden)


def _subsampling(c: Config, hidden: int) -> Iterator[Named]:
    """Two convolutions over time and frequency, which leave a quarter of each."""
    channels = c.numbers("subsampling_conv_channels", default=[128, 32])
    if len(channels) != 2:
        raise c.error(f"has {len(channels)} subsampling_conv_channels, not 2")
    first, second = channels
    yield "layer0.conv.weight", Parameter("audio.conv", (first, 1, 3, 3))
    yield "layer0.norm", Norm(first)
    yield "layer1.conv.weight", Parameter("audio.conv", (second, first, 3, 3))
    yield "layer1.norm", Norm(second)
    yield "input_proj_linear", Linear("audio.in", hidden, first // 4 * second)


def pixels(c: Config) -> tuple[list[PlacedBlock], int]:
    """What Gemma 4 12B has for a tower: merged patches projected as they are, positions along two axes, norms."""
    width, positions = c.number("mm_embed_dim", default=3840), c.number("mm_posemb_size", default=1120)
    pool, patch = c.number("pooling_kernel_size", default=3, high=MAX_HEADS), c.number("patch_size", default=16)
    raw, out = 3 * (patch * pool) ** 2, c.number("output_proj_dims", default=width)
    c.ignore("model_patch_size", "num_soft_tokens", "hidden_size")
    base = "model.vision_embedder."
    return [
        place(f"{base}patch_ln1", Norm(raw, bias=True), tower="vision"),
        place(f"{base}patch_dense", Linear("embedding.patch", width, raw, bias=True), tower="vision"),
        place(f"{base}patch_ln2", Norm(width, bias=True), tower="vision"),
        place(f"{base}pos_embedding", Parameter("embedding.position", (positions, 2, width)), tower="vision"),
        place(f"{base}pos_norm", Norm(width, bias=True), tower="vision"),
    ], out


def audio_frames(c: Config) -> tuple[list[PlacedBlock], int]:
    """What Gemma 4 12B has for an audio tower: nothing; a frame of samples is projected as it is."""
    c.ignore("hidden_size", "output_proj_dims", "audio_samples_per_token")
    return [], c.number("audio_embed_dim", default=640)

"""Segment Anything (arXiv:2304.02643; transformers 5.23 `SamConfig`): ViT, prompt encoder, mask decoder.

Positions are relative within a layer's window, or within the whole image in the layers of ``global_attn_indexes``.
Published files leave dimensions out: defaults as in that class and its parts.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.convolution import Convolution
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, encoder_attention, place, stack, vision_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("sam",)
QKVO = ("q_proj", "k_proj", "v_proj", "out_proj")


def read(c: Config) -> ModelSpec:
    """Read a SAM config."""
    if c.head("Model") != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    vision = c.part("vision_config", defaults={})
    vision.ignore("scale")
    if not c.flag("tie_word_embeddings", default=True):
        raise c.unsupported("unties the position matrix")
    features = vision.number("num_pos_feats", default=128)
    # The prompt encoder holds the same table, tied.
    table = place("shared_image_embedding.positional_embedding", Parameter("embedding.position", (2, features)))
    spec = _vision(vision)
    prompt = _prompt(c.part("prompt_encoder_config", defaults={}))
    decoder = _decoder(c.part("mask_decoder_config", defaults={}))
    return vision_spec(
        c,
        [table, *spec.placed, *prompt, *decoder],
        layers=spec.layers,
        hidden=spec.hidden_size,
        intermediate=spec.intermediate_size,
        sequence=spec.sequence,
    )


def _vision(c: Config) -> ModelSpec:
    hidden = c.number("hidden_size", default=768)
    layers = c.number("num_hidden_layers", default=12, high=MAX_LAYERS)
    heads = c.number("num_attention_heads", default=12, high=MAX_HEADS)
    out, channels = c.number("output_channels", default=256), c.number("num_channels", default=3)
    image, patch = c.number("image_size", default=1024), c.number("patch_size", default=16)
    intermediate = c.number("mlp_dim", default=int(hidden * _ratio(c)))
    window, side = c.number("window_size", default=14, low=0, high=MAX_HEADS), image // patch
    everywhere = set(c.numbers("global_attn_indexes", default=[2, 5, 8, 11], low=0, high=layers - 1))
    bias, relative = c.flag("qkv_bias", default=True), c.flag("use_rel_pos", default=True)
    c.ignore("projection_dim", "intermediate_size")

    def blocks(span: int) -> Iterator[Named]:
        yield "layer_norm1", Norm(hidden, bias=True)
        yield "attn", encoder_attention(c, hidden, heads, ("qkv", "proj"), bias=bias)
        if relative:
            for axis in ("h", "w"):
                yield f"attn.rel_pos_{axis}", Parameter("attention.relative_bias", (2 * span - 1, hidden // heads))
        yield "layer_norm2", Norm(hidden, bias=True)
        yield "mlp", Mlp(hidden, intermediate, ("lin1", "lin2"), bias=True)

    spans = [side if layer in everywhere or not window else window for layer in range(layers)]
    placed = [place("vision_encoder.patch_embed.projection", PatchEmbedding(hidden, channels, patch))]
    if c.flag("use_abs_pos", default=True):
        placed.append(place("vision_encoder.pos_embed", Parameter("embedding.position", (1, side, side, hidden))))
    placed += [
        *stack("vision_encoder.layers.{layer}", spans, blocks),
        place("vision_encoder.neck.conv1", Convolution("other.neck", out, hidden, (1, 1), bias=False)),
        place("vision_encoder.neck.layer_norm1", Norm(out, bias=True)),
        place("vision_encoder.neck.conv2", Convolution("other.neck", out, out, (3, 3), bias=False)),
        place("vision_encoder.neck.layer_norm2", Norm(out, bias=True)),
    ]
    return vision_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, sequence=side**2)


def _ratio(c: Config) -> float:
    value = c.get("mlp_ratio")
    if value is None:
        return 4.0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= MAX_HEADS:
        raise c.error(f"has mlp_ratio = {value!r}; it must be a number above 0")
    return float(value)


def _prompt(c: Config) -> list[PlacedBlock]:
    hidden = c.number("hidden_size", default=256)
    masks = c.number("mask_input_channels", default=16, low=4)
    if masks % 4:
        raise c.unsupported(f"has {masks} mask channels, not a multiple of 4")
    points = c.number("num_point_embeddings", default=4, high=MAX_HEADS)
    c.ignore("image_embedding_size", "image_size", "patch_size")

    blocks: list[Named] = [
        ("no_mask_embed", Embedding(1, hidden, "other.prompt")),
        ("not_a_point_embed", Embedding(1, hidden, "other.prompt")),
        ("mask_embed.conv1", Convolution("other.prompt", masks // 4, 1, (2, 2))),
        ("mask_embed.layer_norm1", Norm(masks // 4, bias=True)),
        ("mask_embed.conv2", Convolution("other.prompt", masks, masks // 4, (2, 2))),
        ("mask_embed.layer_norm2", Norm(masks, bias=True)),
        ("mask_embed.conv3", Convolution("other.prompt", hidden, masks, (1, 1))),
    ]
    numbers = tuple(range(points))
    return [
        place("prompt_encoder.point_embed.{layer}", Embedding(1, hidden, "other.prompt"), numbers),
        *(place(f"prompt_encoder.{name}", block) for name, block in blocks),
    ]


def _decoder(c: Config) -> list[PlacedBlock]:
    hidden = c.number("hidden_size", default=256)
    layers = c.number("num_hidden_layers", default=2, high=MAX_LAYERS)
    heads = c.number("num_attention_heads", default=8, high=MAX_HEADS)
    if c.number("attention_downsample_rate", default=2, high=MAX_HEADS) != 2:
        raise c.unsupported("narrows the decoder's attention by another rate than 2")
    narrow = hidden // 2 // heads
    wide = c.number("mlp_dim", default=2048)
    masks = c.number("num_multimask_outputs", default=3, high=MAX_HEADS) + 1

    def attention(head_dim: int) -> Attention:
        return Attention(hidden, heads, heads, head_dim, names=QKVO, qkv_bias=True, out_bias=True, cached=False)

    def blocks(_: None) -> Iterator[Named]:
        norm = Norm(hidden, bias=True)
        yield "self_attn", attention(hidden // heads)
        yield "layer_norm1", norm
        yield "cross_attn_token_to_image", attention(narrow)
        yield "layer_norm2", norm
        yield "mlp", Mlp(hidden, wide, ("lin1", "lin2"), bias=True)
        yield "layer_norm3", norm
        yield "cross_attn_image_to_token", attention(narrow)
        yield "layer_norm4", norm

    base = "mask_decoder"
    return [
        place(f"{base}.iou_token", Embedding(1, hidden, "other.prompt")),
        place(f"{base}.mask_tokens", Embedding(masks, hidden, "other.prompt")),
        *stack(f"{base}.transformer.layers.{{layer}}", [None] * layers, blocks),
        place(f"{base}.transformer.final_attn_token_to_image", attention(narrow)),
        place(f"{base}.transformer.layer_norm_final_attn", Norm(hidden, bias=True)),
        *_mask_head(base, hidden, masks),
        *_quality_head(c, f"{base}.iou_prediction_head", hidden, masks),
    ]


def _mask_head(base: str, hidden: int, masks: int) -> list[PlacedBlock]:
    """What makes masks: the image brought to four times the side, and an MLP for each mask."""

    def mlp(_: None) -> Iterator[Named]:
        yield "proj_in", Linear("head.mask", hidden, hidden, bias=True)
        yield "layers.0", Linear("head.mask", hidden, hidden, bias=True)
        yield "proj_out", Linear("head.mask", hidden // 8, hidden, bias=True)

    return [
        place(f"{base}.upscale_conv1", Convolution("head.mask", hidden, hidden // 4, (2, 2), bias=False)),
        place(f"{base}.upscale_conv1.bias", Parameter("head.mask", (hidden // 4,))),
        place(f"{base}.upscale_layer_norm", Norm(hidden // 4, bias=True)),
        place(f"{base}.upscale_conv2", Convolution("head.mask", hidden // 4, hidden // 8, (2, 2), bias=False)),
        place(f"{base}.upscale_conv2.bias", Parameter("head.mask", (hidden // 8,))),
        *stack(f"{base}.output_hypernetworks_mlps.{{layer}}", [None] * masks, mlp),
    ]


def _quality_head(c: Config, base: str, hidden: int, masks: int) -> list[PlacedBlock]:
    """An MLP that says how good each mask is."""
    depth = c.number("iou_head_depth", default=3, low=2, high=MAX_HEADS)
    inner = c.number("iou_head_hidden_dim", default=256)
    between = Linear("head.quality", inner, inner, bias=True)
    return [
        place(f"{base}.proj_in", Linear("head.quality", inner, hidden, bias=True)),
        *stack(f"{base}.layers.{{layer}}", [None] * (depth - 2), lambda _: [("", between)]),
        place(f"{base}.proj_out", Linear("head.quality", masks, inner, bias=True)),
    ]

"""Swin Transformer (arXiv:2103.14030) and V2 (arXiv:2111.09883): four stages, attention inside windows.

Sources: transformers 5.23 `SwinConfig`, `Swinv2Config`. The width doubles from stage to stage; each head has a table of
(2w - 1)^2 relative position biases, in V2 a small MLP that computes them, and a learned scale; V2's keys have no bias.
Names as in huggingface.co/microsoft/swin-base-patch4-window7-224.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding, PatchMerging
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, classifier, encoder_attention, place, stack, vision_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("swin", "swinv2")
#: Width of the MLP that computes V2's position biases.
BIAS_WIDTH = 512


def read(c: Config) -> ModelSpec:
    """Read a Swin config; the class ForImageClassification adds a classifier."""
    width = c.hidden("embed_dim")
    depths = c.numbers("depths", high=MAX_LAYERS)
    heads = c.numbers("num_heads", high=MAX_HEADS)
    if len(heads) != len(depths):
        raise c.error(f"has {len(depths)} depths but {len(heads)} numbers of heads")
    window = c.number("window_size", default=7, high=MAX_HEADS)
    image, patch = c.number("image_size", default=224), c.number("patch_size", default=4)
    channels = c.number("num_channels", default=3)
    ratio = _ratio(c)
    qkv_bias = c.flag("qkv_bias", default=True)
    c.ignore("num_layers", "hidden_size", "path_norm", "out_features", "out_indices", "stage_names")
    second = c.model_type == "swinv2"
    c.ignore("pretrained_window_sizes")

    head = c.head("Model")
    base = "" if head == "Model" else f"{c.model_type}."
    embeddings = f"{base}embeddings"
    placed = [
        place(f"{embeddings}.patch_embeddings.projection", PatchEmbedding(width, channels, patch)),
        place(f"{embeddings}.norm", Norm(width, bias=True)),
    ]
    patches = (image // patch) ** 2
    if c.flag("use_absolute_embeddings"):
        # V1's classes give the table a row per patch, V2's one more.
        position = Parameter("embedding.position", (1, patches + second, width))
        placed.append(place(f"{embeddings}.position_embeddings", position))
    for stage, depth in enumerate(depths):
        name, wide = f"{base}encoder.layers.{stage}", width << stage
        placed += _stage(c, name, wide, depth, heads[stage], window, ratio, qkv_bias)
        if stage < len(depths) - 1:
            placed.append(place(f"{name}.downsample", PatchMerging(wide, norm_after=second)))
    last = width << (len(depths) - 1)
    placed.append(place(f"{base}layernorm", Norm(last, bias=True)))
    if head == "ForImageClassification":
        placed += classifier(c, last)
    elif head != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    return vision_spec(c, placed, layers=sum(depths), hidden=width, intermediate=int(ratio * width), sequence=patches)


def _stage(
    c: Config, prefix: str, width: int, depth: int, heads: int, window: int, ratio: float, qkv_bias: bool
) -> list[PlacedBlock]:
    second = c.model_type == "swinv2"

    def blocks(_: None) -> Iterator[Named]:
        names = ("self.query", "self.key", "self.value", "output.dense")
        yield "layernorm_before", Norm(width, bias=True)
        yield (
            "attention",
            encoder_attention(c, width, heads, names, bias=qkv_bias, k_bias=False if second else None),
        )
        if second:
            biases = "attention.self.continuous_position_bias_mlp"
            yield "attention.self.logit_scale", Parameter("attention.scale", (heads, 1, 1))
            yield f"{biases}.0", Linear("attention.relative_bias", BIAS_WIDTH, 2, bias=True)
            yield f"{biases}.2", Linear("attention.relative_bias", heads, BIAS_WIDTH)
        else:
            table = Parameter("attention.relative_bias", ((2 * window - 1) ** 2, heads))
            yield "attention.self.relative_position_bias_table", table
        yield "layernorm_after", Norm(width, bias=True)
        yield "", Mlp(width, int(ratio * width), ("intermediate.dense", "output.dense"), bias=True)

    return stack(f"{prefix}.blocks.{{layer}}", [None] * depth, blocks)


def _ratio(c: Config) -> float:
    value = c.get("mlp_ratio")
    if value is None:
        return 4.0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1024:
        raise c.error(f"has mlp_ratio = {value!r}; it must be a number above 0")
    return float(value)

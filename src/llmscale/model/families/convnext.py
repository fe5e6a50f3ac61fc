"""ConvNeXt (arXiv:2201.03545) and V2 (arXiv:2301.00808): four stages of depth-wise convolutions and wide MLPs.

Sources: transformers 5.23 `ConvNextConfig`, `ConvNextV2Config`. V2 replaces the layer scale by a normalisation of the
response. Defaults as in those classes, the tiny model's. Names as in huggingface.co/facebook/convnext-tiny-224.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.convolution import Convolution
from llmscale.model.blocks.linear import Parameter
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, classifier, place, stack, vision_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("convnext", "convnextv2")
#: Side of the depth-wise kernel, and how much wider the MLP is than its stage.
KERNEL, RATIO = 7, 4


def read(c: Config) -> ModelSpec:
    """Read a ConvNeXt config."""
    widths, depths = _stages(c)
    image, patch = c.number("image_size", default=224), c.number("patch_size", default=4)
    channels = c.number("num_channels", default=3)
    second = c.model_type == "convnextv2"
    scaled = not second and c.get("layer_scale_init_value") not in (0, 0.0)
    c.ignore("layer_scale_init_value", "out_features", "out_indices", "stage_names")

    head = c.head("Model")
    base = "" if head == "Model" else f"{c.model_type}."

    def blocks(width: int) -> Iterator[Named]:
        yield "dwconv", Convolution("other.convolution", width, 1, (KERNEL, KERNEL))
        yield "layernorm", Norm(width, bias=True)
        yield "", Mlp(width, RATIO * width, ("pwconv1", "pwconv2"), bias=True)
        if second:
            yield "grn.weight", Parameter("norm", (1, 1, 1, RATIO * width))
            yield "grn.bias", Parameter("norm", (1, 1, 1, RATIO * width))
        if scaled:
            yield "layer_scale_parameter", Parameter("other.layer_scale", (width,))

    placed = [
        place(f"{base}embeddings.patch_embeddings", PatchEmbedding(widths[0], channels, patch)),
        place(f"{base}embeddings.layernorm", Norm(widths[0], bias=True)),
    ]
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        name = f"{base}encoder.stages.{stage}"
        placed += _downsampling(name, widths[stage - 1], width) if stage else []
        placed += stack(f"{name}.layers.{{layer}}", [width] * depth, blocks)
    placed.append(place(f"{base}layernorm", Norm(widths[-1], bias=True)))
    if head == "ForImageClassification":
        placed += classifier(c, widths[-1])
    elif head != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    hidden, patches = widths[0], (image // patch) ** 2
    return vision_spec(c, placed, layers=sum(depths), hidden=hidden, intermediate=RATIO * hidden, sequence=patches)


def _stages(c: Config) -> tuple[list[int], list[int]]:
    """Width and depth of each stage."""
    stages = c.number("num_stages", default=4, high=MAX_HEADS)
    widths = c.numbers("hidden_sizes", default=[96, 192, 384, 768])
    depths = c.numbers("depths", default=[3, 3, 9, 3], high=MAX_LAYERS)
    if not stages == len(widths) == len(depths):
        raise c.error(f"has {stages} stages, but {len(widths)} widths and {len(depths)} depths")
    return widths, depths


def _downsampling(stage: str, before: int, width: int) -> list[PlacedBlock]:
    """Four neighbours become one, from `before` channels to `width`."""
    return [
        place(f"{stage}.downsampling_layer.0", Norm(before, bias=True)),
        place(f"{stage}.downsampling_layer.1", Convolution("other.patch_merging", width, before, (2, 2))),
    ]

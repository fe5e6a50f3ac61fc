"""BEiT (arXiv:2106.08254; transformers 5.23 `BeitConfig`): ViT with layer scales, relative positions, unbiased keys.

A table of relative positions stands in every layer or once for all. What normalises the end depends on
``use_mean_pooling``. Defaults as in that class. Names as in huggingface.co/microsoft/beit-base-patch16-224.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_HEADS, MAX_VOCAB
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, classifier, encoder_attention, place, stack, vision_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("beit",)


def read(c: Config) -> ModelSpec:
    """Read a BEiT config."""
    hidden, layers = c.hidden(), c.layers()
    intermediate = c.hidden("intermediate_size")
    heads = c.number("num_attention_heads", high=MAX_HEADS)
    side = c.number("image_size", default=224) // c.number("patch_size", default=16)
    scaled = _scaled(c)
    per_layer, shared = c.flag("use_relative_position_bias"), c.flag("use_shared_relative_position_bias")
    # Three more distances: from and to the class token, and its own.
    table = Parameter("attention.relative_bias", ((2 * side - 1) ** 2 + 3, heads))
    # Of the segmentation classes, which are refused.
    c.ignore("auxiliary_channels", "auxiliary_concat_input", "auxiliary_loss_weight", "auxiliary_num_convs")
    c.ignore("use_auxiliary_head", "pool_scales", "semantic_loss_ignore_index", "out_indices", "out_features")
    c.ignore("add_fpn", "reshape_hidden_states", "stage_names")

    head = c.head("Model")
    base = "" if head == "Model" else "beit."

    def blocks(_: None) -> Iterator[Named]:
        names = ("attention.query", "attention.key", "attention.value", "output.dense")
        yield "layernorm_before", Norm(hidden, bias=True)
        yield "attention", encoder_attention(c, hidden, heads, names, k_bias=False)
        if per_layer:
            yield "attention.attention.relative_position_bias.relative_position_bias_table", table
        if scaled:
            yield "lambda_1", Parameter("other.layer_scale", (hidden,))
        yield "layernorm_after", Norm(hidden, bias=True)
        yield "", Mlp(hidden, intermediate, ("intermediate.dense", "output.dense"), bias=True)
        if scaled:
            yield "lambda_2", Parameter("other.layer_scale", (hidden,))

    placed = [place(f"{base}embeddings.{name}", block) for name, block in _embeddings(c, hidden, side)]
    if shared:
        placed.append(place(f"{base}encoder.relative_position_bias.relative_position_bias_table", table))
    placed += stack(f"{base}encoder.layer.{{layer}}", [None] * layers, blocks)
    placed += _on_top(c, head, base, hidden)
    return vision_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, sequence=side**2 + 1)


def _embeddings(c: Config, hidden: int, side: int) -> Iterator[Named]:
    """What makes tokens of `side` x `side` patches."""
    channels, patch = c.number("num_channels", default=3), c.number("patch_size", default=16)
    yield "cls_token", Parameter("embedding.class", (1, 1, hidden))
    if c.flag("use_mask_token"):
        yield "mask_token", Parameter("embedding.mask", (1, 1, hidden))
    if c.flag("use_absolute_position_embeddings"):
        yield "position_embeddings", Parameter("embedding.position", (1, side**2 + 1, hidden))
    yield "patch_embeddings.projection", PatchEmbedding(hidden, channels, patch)


def _on_top(c: Config, head: str, base: str, hidden: int) -> list[PlacedBlock]:
    """The last norm, and what the class puts above it."""
    vocab, pooled = c.number("vocab_size", default=8192, high=MAX_VOCAB), c.flag("use_mean_pooling", default=True)
    placed = [] if pooled else [place(f"{base}layernorm", Norm(hidden, bias=True))]
    if head == "ForMaskedImageModeling":
        placed.append(place("layernorm", Norm(hidden, bias=True, role="head.norm")))
        placed.append(place("lm_head", Linear("head.out", vocab, hidden, bias=True)))
        return placed
    if pooled:
        placed.append(place(f"{base}pooler.layernorm", Norm(hidden, bias=True)))
    if head == "ForImageClassification":
        return placed + classifier(c, hidden)
    if head != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    return placed


def _scaled(c: Config) -> bool:
    value = c.get("layer_scale_init_value")
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise c.error(f"has layer_scale_init_value = {value!r}, which is not a number")
    return value is None or value > 0

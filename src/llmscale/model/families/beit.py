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
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("beit",)


def read(c: Config) -> ModelSpec:
    """Read a BEiT config."""
    hidden, layers = c.hidden(), c.layers()
    intermediate = c.hidden("intermediate_size")
    heads = c.number("num_attention_heads", high=MAX_HEADS)
    image, patch = c.number("image_size", default=224), c.number("patch_size", default=16)
    channels, vocab = c.number("num_channels", default=3), c.number("vocab_size", default=8192, high=MAX_VOCAB)
    side = image // patch
    scaled = _scaled(c)
    per_layer, shared = c.flag("use_relative_position_bias"), c.flag("use_shared_relative_position_bias")
    pooled = c.flag("use_mean_pooling", default=True)
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

    placed = [place(f"{base}embeddings.cls_token", Parameter("embedding.class", (1, 1, hidden)))]
    if c.flag("use_mask_token"):
        placed.append(place(f"{base}embeddings.mask_token", Parameter("embedding.mask", (1, 1, hidden))))
    if c.flag("use_absolute_position_embeddings"):
        position = Parameter("embedding.position", (1, side**2 + 1, hidden))
        placed.append(place(f"{base}embeddings.position_embeddings", position))
    placed.append(place(f"{base}embeddings.patch_embeddings.projection", PatchEmbedding(hidden, channels, patch)))
    if shared:
        placed.append(place(f"{base}encoder.relative_position_bias.relative_position_bias_table", table))
    placed += stack(f"{base}encoder.layer.{{layer}}", [None] * layers, blocks)
    masked = head == "ForMaskedImageModeling"
    if not pooled:
        placed.append(place(f"{base}layernorm", Norm(hidden, bias=True)))
    elif not masked:
        placed.append(place(f"{base}pooler.layernorm", Norm(hidden, bias=True)))
    if masked:
        placed.append(place("layernorm", Norm(hidden, bias=True, role="head.norm")))
        placed.append(place("lm_head", Linear("head.out", vocab, hidden, bias=True)))
    elif head == "ForImageClassification":
        placed += classifier(c, hidden)
    elif head != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    return vision_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, sequence=side**2 + 1)


def _scaled(c: Config) -> bool:
    value = c.get("layer_scale_init_value")
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise c.error(f"has layer_scale_init_value = {value!r}, which is not a number")
    return value is None or value > 0

"""InternViT as transformers has it (arXiv:2312.14238; transformers 5.23 `InternVLVisionConfig`): ViT with layer scales.

The 6B has RMS norms and normalises queries and keys over the whole width. Defaults as in that class.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.linear import Parameter
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, encoder_attention, place, stack, vision_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("internvl_vision",)


def read(c: Config) -> ModelSpec:
    """Read an InternViT config."""
    hidden = c.number("hidden_size", default=1024)
    layers = c.number("num_hidden_layers", default=24, high=MAX_LAYERS)
    heads = c.number("num_attention_heads", default=16, high=MAX_HEADS)
    intermediate = c.number("intermediate_size", default=4096)
    channels = c.number("num_channels", default=3)
    image, patch = _square(c, "image_size", 448), _square(c, "patch_size", 14)
    bias = c.flag("attention_bias")
    qk_norm = (hidden, hidden) if c.flag("use_qk_norm") else None
    norm = Norm(hidden, bias=_layer_norm(c))
    tokens = (image // patch) ** 2 + 1
    c.ignore("layer_scale_init_value")

    def blocks(_: None) -> Iterator[Named]:
        names = ("q_proj", "k_proj", "v_proj", "projection_layer")
        yield "layernorm_before", norm
        yield "attention", encoder_attention(c, hidden, heads, names, bias=bias, qk_norm=qk_norm)
        yield "lambda_1", Parameter("other.layer_scale", (hidden,))
        yield "layernorm_after", norm
        yield "mlp", Mlp(hidden, intermediate, ("fc1", "fc2"), bias=True)
        yield "lambda_2", Parameter("other.layer_scale", (hidden,))

    base = f"{c.prefix}embeddings"
    placed = [place(f"{base}.cls_token", Parameter("embedding.class", (1, 1, hidden)))]
    if c.flag("use_mask_token"):
        placed.append(place(f"{base}.mask_token", Parameter("embedding.mask", (1, 1, hidden))))
    placed.append(place(f"{base}.patch_embeddings.projection", PatchEmbedding(hidden, channels, patch)))
    if c.flag("use_absolute_position_embeddings", default=True):
        position = Parameter("embedding.position", (1, tokens, hidden))
        placed.append(place(f"{base}.position_embeddings", position))
    placed += stack(f"{c.prefix}encoder.layer.{{layer}}", [None] * layers, blocks)
    if not c.flag("use_mean_pooling", default=True):
        placed.append(place(f"{c.prefix}layernorm", Norm(hidden, bias=True)))
    return vision_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, sequence=tokens)


def _square(c: Config, key: str, default: int) -> int:
    """A size that the published files write as a pair."""
    if not isinstance(c.get(key), list):
        return c.number(key, default=default)
    pair = c.numbers(key)
    if len(set(pair)) != 1:
        raise c.unsupported(f"has {key} = {pair}, which is not square")
    return pair[0]


def _layer_norm(c: Config) -> bool:
    kind = c.text("norm_type", "layer_norm")
    if kind not in ("layer_norm", "rms_norm"):
        raise c.unsupported(f"has norm_type = '{kind}'")
    return kind == "layer_norm"

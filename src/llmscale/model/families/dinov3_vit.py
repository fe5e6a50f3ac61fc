"""DINOv3's vision transformers (arXiv:2508.10104; transformers 5.23 `DINOv3ViTConfig`): registers and rotary positions.

Which projections carry a bias is spelt out key by key; the 7B's MLPs are gated. Defaults as in that class.
Names as in huggingface.co/facebook/dinov3-vitb16-pretrain-lvd1689m.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import QKVO, Attention
from llmscale.model.blocks.linear import Parameter
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_HEADS, MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, encoder_attention, place, stack, vision_spec
from llmscale.model.spec import Block, ModelSpec

MODEL_TYPES = ("dinov3_vit",)


def read(c: Config) -> ModelSpec:
    """Read a DINOv3 ViT config."""
    hidden, layers = c.hidden(), c.layers()
    intermediate = c.hidden("intermediate_size")
    image, patch = c.number("image_size", default=224), c.number("patch_size", default=16)
    channels = c.number("num_channels", default=3)
    registers = c.number("num_register_tokens", default=0, low=0, high=MAX_POSITIONS)
    attention = _attention(c, hidden)
    mlp_bias = c.flag("mlp_bias", default=True)
    c.ignore("layerscale_value", "pos_embed_shift", "pos_embed_jitter", "pos_embed_rescale", "apply_layernorm")
    c.ignore("reshape_hidden_states", "out_features", "out_indices", "stage_names", "return_class_token")
    mlp: Block = Mlp(hidden, intermediate, bias=mlp_bias)
    if c.flag("use_gated_mlp"):
        mlp = GatedMlp(hidden, intermediate, bias=mlp_bias)
    if c.head("Model") != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")

    def blocks(_: None) -> Iterator[Named]:
        yield "norm1", Norm(hidden, bias=True)
        yield "attention", attention
        yield "layer_scale1.lambda1", Parameter("other.layer_scale", (hidden,))
        yield "norm2", Norm(hidden, bias=True)
        yield "mlp", mlp
        yield "layer_scale2.lambda1", Parameter("other.layer_scale", (hidden,))

    base = f"{c.prefix}embeddings"
    placed = [
        place(f"{base}.cls_token", Parameter("embedding.class", (1, 1, hidden))),
        place(f"{base}.mask_token", Parameter("embedding.mask", (1, 1, hidden))),
        place(f"{base}.patch_embeddings", PatchEmbedding(hidden, channels, patch)),
        *stack(f"{c.prefix}layer.{{layer}}", [None] * layers, blocks),
        place(f"{c.prefix}norm", Norm(hidden, bias=True)),
    ]
    if registers:
        tokens = Parameter("embedding.register", (1, registers, hidden))
        placed.insert(2, place(f"{base}.register_tokens", tokens))
    sequence = (image // patch) ** 2 + 1 + registers
    return vision_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, sequence=sequence)


def _attention(c: Config, hidden: int) -> Attention:
    heads = c.number("num_attention_heads", high=MAX_HEADS)
    bias = c.flag("query_bias", default=True)
    if bias != c.flag("value_bias", default=True):
        raise c.unsupported("biases only one of queries and values")
    k_bias, out_bias = c.flag("key_bias"), c.flag("proj_bias", default=True)
    return encoder_attention(c, hidden, heads, QKVO, bias=bias, k_bias=k_bias, out_bias=out_bias)

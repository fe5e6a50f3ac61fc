"""Kimi K3: Kimi Linear's text with latent experts, behind MoonViT without biases.

Source: its config.json (PyPI aiconfigurator-core 0.12.0) and mlx-lm 0.32.2 for the text; nobody that we read builds the
tower, so its shape is MoonViT's by the config's words (``rmsnorm``, no biases, ``qkv_hidden_size``) with a norm behind
the projector. With it the count is the hub's 2,779,931,837,184 but for 2,208: decays stored for 128 heads of 96.
Names of the tower are Kimi K2.5's.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, whole
from llmscale.model.families._stack import Named, place, stack
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("kimi_k3",)
#: What the config says of its tower where it is the one that was counted.
KNOWN = {
    "mm_projector_type": "patchmergerv2",
    "norm_type": "rmsnorm",
    "mlp_type": "mlp2",
    "attn_bias": False,
    "linear_bias": False,
    "patch_embed_proj_bias": False,
}


def read(c: Config) -> ModelSpec:
    """Read a Kimi K3 config."""
    c.ignore("ignore_index", "image_placeholder")
    text = text_part(c, "language_model.", tied=tied(c), model_type="kimi_linear")
    vision = c.part("vision_config", "vision_tower.")
    for key, word in KNOWN.items():
        if vision.get(key) != word:
            raise vision.unsupported(f"has another {key} in its tower than {word}")
    width = vision.number("vt_hidden_size")
    merged = width * prod(vision.numbers("merge_kernel_size", high=MAX_HEADS))
    projector: list[Named] = [
        ("proj.0", Linear("projector.linear", merged, merged)),
        ("proj.2", Linear("projector.linear", text.hidden_size, merged)),
        ("post_norm", Norm(text.hidden_size)),
    ]
    placed = [place(f"mm_projector.{name}", block, tower="projector") for name, block in projector]
    return whole(c, text, [*_tower(vision, width), *placed])


def _tower(c: Config, hidden: int) -> list[PlacedBlock]:
    layers = c.number("vt_num_hidden_layers", high=MAX_LAYERS)
    heads, inner = c.number("vt_num_attention_heads", high=MAX_HEADS), c.number("qkv_hidden_size")
    if inner % heads:
        raise c.error(f"has a qkv_hidden_size of {inner}, not a multiple of its {heads} heads")
    intermediate = c.number("vt_intermediate_size")
    table = (c.number("init_pos_emb_height"), c.number("init_pos_emb_width"), hidden)
    c.ignore("init_pos_emb_time", "pos_emb_type", "pos_emb_interpolation_mode", "merge_type", "activation_func")
    c.ignore("text_hidden_size", "mm_hidden_size", "projector_hidden_act")

    def blocks(_: None) -> Iterator[Named]:
        yield "norm0", Norm(hidden)
        yield "", Attention(hidden, heads, heads, inner // heads, names=("wqkv", "wo"), cached=False)
        yield "norm1", Norm(hidden)
        yield "mlp", Mlp(hidden, intermediate, ("fc0", "fc1"))

    base, patches = c.prefix, PatchEmbedding(hidden, 3, c.number("patch_size"), bias=False)
    return [
        place(f"{base}patch_embed.proj", patches, tower="vision"),
        place(f"{base}patch_embed.pos_emb.weight", Parameter("embedding.position", table), tower="vision"),
        *stack(f"{base}encoder.blocks.{{layer}}", [None] * layers, blocks, "vision"),
        place(f"{base}encoder.final_layernorm", Norm(hidden), tower="vision"),
    ]

"""Llama 3.2 Vision's tower (transformers 5.23 `MllamaVisionConfig`): local layers, then gated global ones, over tiles.

Each kind of aspect ratio has learned positions for its tiles. Defaults as in that class.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from llmscale.model.blocks.attention import QKVO, Attention
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Parameter
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, encoder_attention, place, stack, vision_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("mllama_vision_model",)
#: Supported aspect ratios where the file names none.
RATIOS = 8


def read(c: Config) -> ModelSpec:
    """Read the tower's config; the spec's hidden size is that of what it hands on: several layers side by side."""
    hidden = c.number("hidden_size", default=1280)
    intermediate = c.number("intermediate_size", default=5120)
    heads = c.number("attention_heads", "num_attention_heads", default=16, high=MAX_HEADS)
    local = c.number("num_hidden_layers", default=32, high=MAX_LAYERS)
    gated = c.number("num_global_layers", default=8, high=MAX_LAYERS)
    tiles = c.number("max_num_tiles", default=4, high=MAX_HEADS)
    image, patch = c.number("image_size", default=448), c.number("patch_size", default=14)
    channels = c.number("num_channels", default=3)
    out = _width_out(c, hidden, local)
    named = c.get("supported_aspect_ratios")
    ratios = (len(named) if isinstance(named, list) else RATIOS) + 1
    patches = (image // patch) ** 2 + 1
    c.ignore("max_aspect_ratio_id")

    attention = encoder_attention(c, hidden, heads, QKVO, bias=False, out_bias=False)
    blocks = partial(_layer, attention, intermediate)
    base, gate = c.prefix, Parameter("embedding.position", (1,))
    tile = Embedding(ratios, tiles * hidden, "embedding.position")
    positions = f"{base}gated_positional_embedding"
    placed = [
        place(f"{base}class_embedding", Parameter("embedding.class", (hidden,))),
        place(f"{base}patch_embedding", PatchEmbedding(hidden, channels, patch, bias=False)),
        place(f"{base}pre_tile_positional_embedding.embedding", tile),
        place(f"{base}pre_tile_positional_embedding.gate", gate),
        place(f"{positions}.embedding", Parameter("embedding.position", (patches, hidden))),
        place(f"{positions}.tile_embedding", Embedding(ratios, tiles * patches * hidden, "embedding.position")),
        place(f"{positions}.gate", gate),
        place(f"{base}layernorm_pre", Norm(hidden, bias=True)),
        *stack(f"{base}transformer.layers.{{layer}}", [False] * local, blocks),
        place(f"{base}layernorm_post", Norm(hidden, bias=True)),
        place(f"{base}post_tile_positional_embedding.embedding", tile),
        place(f"{base}post_tile_positional_embedding.gate", gate),
        *stack(f"{base}global_transformer.layers.{{layer}}", [True] * gated, blocks),
    ]
    return vision_spec(c, placed, layers=local + gated, hidden=out, intermediate=intermediate, sequence=tiles * patches)


def _width_out(c: Config, hidden: int, layers: int) -> int:
    """The width of the last layer and of those that are handed on with it, together."""
    kept = c.numbers("intermediate_layers_indices", default=[3, 7, 15, 23, 30], low=0, high=layers - 1)
    out = c.number("vision_output_dim", default=7680)
    if out != hidden * (len(kept) + 1):
        raise c.error(f"hands on {out} elements, but its last and {len(kept)} other layers are {hidden} wide each")
    return out


def _layer(attention: Attention, intermediate: int, is_global: bool) -> Iterator[Named]:
    hidden = attention.hidden
    yield "input_layernorm", Norm(hidden, bias=True)
    yield "self_attn", attention
    if is_global:
        yield "gate_attn", Parameter("attention.gate", (1,))
    yield "post_attention_layernorm", Norm(hidden, bias=True)
    yield "mlp", Mlp(hidden, intermediate, ("fc1", "fc2"), bias=True)
    if is_global:
        yield "gate_ffn", Parameter("mlp.gate", (1,))

"""The vision tower of Qwen3-VL, Qwen3.5 and Qwen4-Exp: learned positions, and mergers of neighbouring patches.

Besides the last layer, those that ``deepstack_visual_indexes`` names pass through mergers of their own in Qwen3-VL.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS, MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, encoder_attention, place, stack
from llmscale.model.spec import PlacedBlock


def _deepstack(c: Config, layers: int) -> list[int]:
    if c.kind.startswith(("qwen3_5", "qwen4_exp")):  # whose classes have none, whatever their files say
        c.ignore("deepstack_visual_indexes")
        return []
    return c.numbers("deepstack_visual_indexes", default=[8, 16, 24], low=0, high=layers - 1)


def tower(c: Config) -> list[PlacedBlock]:
    """The vision tower and its mergers, which Qwen 3.5 has too."""
    hidden, layers = c.hidden(), c.number("depth", default=27, high=MAX_LAYERS)
    intermediate = c.number("intermediate_size", default=4304)
    heads = c.number("num_heads", default=16, high=MAX_HEADS)
    patch, frames = c.number("patch_size", default=16), c.number("temporal_patch_size", default=2)
    channels = c.number("in_channels", default=3)
    positions = c.number("num_position_embeddings", default=2304, high=MAX_POSITIONS)
    merged = hidden * c.number("spatial_merge_size", default=2, high=MAX_HEADS) ** 2
    out = c.number("out_hidden_size", default=3584)
    deep = len(_deepstack(c, layers))

    def blocks(_: None) -> Iterator[Named]:
        yield "norm1", Norm(hidden, bias=True)
        names = ("qkv", "proj")
        yield "attn", encoder_attention(c, hidden, heads, names)
        yield "norm2", Norm(hidden, bias=True)
        yield "mlp", Mlp(hidden, intermediate, ("linear_fc1", "linear_fc2"), bias=True)

    def merger(normed: int) -> Iterator[Named]:
        yield "norm", Norm(normed, bias=True)
        yield "linear_fc1", Linear("projector.up", merged, merged, bias=True)
        yield "linear_fc2", Linear("projector.down", out, merged, bias=True)

    rows = Embedding(positions, hidden, "embedding.position")
    return [
        place(f"{c.prefix}patch_embed.proj", PatchEmbedding(hidden, channels, patch, frames=frames), tower="vision"),
        place(f"{c.prefix}pos_embed", rows, tower="vision"),
        *stack(f"{c.prefix}blocks.{{layer}}", [None] * layers, blocks, "vision"),
        *(place(f"{c.prefix}merger.{name}", block, tower="projector") for name, block in merger(hidden)),
        # A deep merger normalises the four patches together, the last one each patch before.
        *stack(f"{c.prefix}deepstack_merger_list.{{layer}}", [merged] * deep, merger, "projector"),
    ]

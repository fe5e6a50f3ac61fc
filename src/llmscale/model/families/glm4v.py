"""GLM-4.1V and GLM-4.5V (arXiv:2507.01006; transformers 5.23 `Glm4vConfig`, `Glm4vMoeConfig`): GLM-4 behind a tower.

The tower's layers are gated and as wide inside as the text (``out_hidden_size``); a strided convolution joins four
patches before a gated merger of width ``intermediate_size``. Names as in huggingface.co/zai-org/GLM-4.1V-9B-Thinking.
GLM-4.6V is the same under another name; GLM-OCR's tower (`GlmOcrConfig`) has no position table, biases, norms of query
and key heads and a merger of ``out_hidden_size`` times ``in_channels``.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.convolution import Convolution
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._glm_tower import merger, plain_tower
from llmscale.model.families._parts import text_part, tied, whole
from llmscale.model.families._stack import Named, encoder_attention, place, stack
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("glm4v", "glm4v_moe", "glm46v", "glm_ocr")
#: model_type -> the text part's where the file does not say
TEXT = {"glm4v": "glm4v_text", "glm4v_moe": "glm4v_moe_text", "glm46v": "glm4v_text", "glm_ocr": "glm_ocr_text"}


def read(c: Config) -> ModelSpec:
    """Read a GLM-4.1V or 4.5V config."""
    kind = TEXT[c.model_type]
    text = text_part(c, "model.language_model.", tied=tied(c, either=True), model_type=kind, head_prefix="")
    vision = c.part("vision_config", "model.visual.")
    return whole(c, text, _tower(vision) if c.model_type != "glm_ocr" else plain_tower(vision))


def _tower(c: Config) -> list[PlacedBlock]:
    hidden = c.number("hidden_size", default=1536)
    layers = c.number("depth", default=24, high=MAX_LAYERS)
    heads = c.number("num_heads", default=12, high=MAX_HEADS)
    image, patch = c.number("image_size", default=336), c.number("patch_size", default=14)
    frames, channels = c.number("temporal_patch_size", default=2), c.number("in_channels", default=3)
    merge = c.number("spatial_merge_size", default=2, high=MAX_HEADS)
    out = c.number("out_hidden_size", default=4096)
    wide = c.number("intermediate_size", default=13_696)
    bias = c.flag("attention_bias")

    def blocks(_: None) -> Iterator[Named]:
        names = ("qkv", "proj")
        yield "norm1", Norm(hidden)
        yield "attn", encoder_attention(c, hidden, heads, names, bias=bias, out_bias=False)
        yield "norm2", Norm(hidden)
        yield "mlp", GatedMlp(hidden, out)

    base, positions = c.prefix, (image // patch) ** 2
    vision: list[Named] = [
        ("patch_embed.proj", PatchEmbedding(hidden, channels, patch, frames=frames)),
        ("post_conv_layernorm", Norm(hidden)),
        ("embeddings.position_embedding", Embedding(positions, hidden, "embedding.position")),
    ]
    downsample = Convolution("projector.downsample", out, hidden, (merge, merge))
    return [
        *(place(f"{base}{name}", block, tower="vision") for name, block in vision),
        *stack(f"{base}blocks.{{layer}}", [None] * layers, blocks, "vision"),
        place(f"{base}post_layernorm", Norm(hidden), tower="vision"),
        place(f"{base}downsample", downsample, tower="projector"),
        *(place(f"{base}merger.{name}", block, tower="projector") for name, block in merger(out, wide)),
    ]

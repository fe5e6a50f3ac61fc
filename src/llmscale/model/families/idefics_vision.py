"""The tower of Idefics 2 and 3 and SmolVLM: SigLIP's without its head, for images of any aspect ratio.

Sources: transformers 5.23 `Idefics2VisionConfig`, `Idefics3VisionConfig`, `SmolVLMVisionConfig`; published files leave
dimensions out, defaults as in those classes.
"""

from __future__ import annotations

from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families import _clip
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import place, vision_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("idefics2_vision", "idefics3_vision", "smolvlm_vision")
#: model_type -> (width, heads) where none are given.
DEFAULTS = {"idefics2_vision": (768, 12), "idefics3_vision": (1152, 16), "smolvlm_vision": (1152, 16)}


def read(c: Config) -> ModelSpec:
    """Read the tower's config."""
    width, default_heads = DEFAULTS[c.model_type]
    hidden = c.number("hidden_size", default=width)
    layers = c.number("num_hidden_layers", default=12, high=MAX_LAYERS)
    intermediate = c.number("intermediate_size", default=3072)
    heads = c.number("num_attention_heads", default=default_heads, high=MAX_HEADS)
    image, patch = c.number("image_size", default=224), c.number("patch_size", default=32)
    channels = c.number("num_channels", default=3)
    # How images are cut up before the tower sees them.
    c.ignore("max_image_size", "size", "video_sampling")
    if c.flag("use_base_siglip"):
        raise c.unsupported("switches use_base_siglip on")
    tokens = (image // patch) ** 2
    placed = [
        place(f"{c.prefix}embeddings.patch_embedding", PatchEmbedding(hidden, channels, patch)),
        place(f"{c.prefix}embeddings.position_embedding", Embedding(tokens, hidden, "embedding.position")),
        *_clip.encoder(c, c.prefix, hidden, layers, intermediate, heads),
        place(f"{c.prefix}post_layernorm", Norm(hidden, bias=True)),
    ]
    return vision_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, sequence=tokens)

"""SigLIP (arXiv:2303.15343) and SigLIP 2 (arXiv:2502.14786): CLIP's layers, a pooling head, no class token.

Sources: transformers 5.23 `SiglipConfig`, `Siglip2Config` and their halves; published files leave dimensions out,
defaults as in those classes. Most SigLIP 2 models use SigLIP's classes; its own serve those of any aspect ratio.
Names as in huggingface.co/google/siglip-base-patch16-224.
"""

from __future__ import annotations

from dataclasses import replace

from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PackedAttention, PatchEmbedding
from llmscale.model.families import _clip, read_part
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS, MAX_POSITIONS, MAX_VOCAB
from llmscale.model.families._config import Config
from llmscale.model.families._parts import tower
from llmscale.model.families._stack import classifier, place, text_spec, vision_spec
from llmscale.model.spec import Block, ModelSpec, PlacedBlock

MODEL_TYPES = (
    "siglip",
    "siglip_text_model",
    "siglip_vision_model",
    "siglip2",
    "siglip2_text_model",
    "siglip2_vision_model",
)


def read(c: Config) -> ModelSpec:
    """Read a SigLIP config, or the config of one of its halves."""
    # There is no head to tie, but old files write out every key in each half.
    c.ignore("tie_word_embeddings")
    if c.model_type.endswith("text_model"):
        return _text(c)
    return _vision(c) if c.model_type.endswith("vision_model") else _both(c)


def _both(c: Config) -> ModelSpec:
    head = c.head("Model")
    vision = tower(c, "vision_config", "", f"{c.model_type}_vision_model")
    if head == "ForImageClassification":
        c.ignore("text_config")
        placed = [*vision.placed, *classifier(c, vision.hidden_size)]
        return replace(vision, family=c.model_type, placed=tuple(placed))
    if head != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    known = {"architectures": ["Model"]}
    text = read_part(c.part("text_config", "", None, {"model_type": f"{c.model_type}_text_model"}, known))
    scales = [place(name, Parameter(f"other.{name}", (1,))) for name in ("logit_scale", "logit_bias")]
    return replace(text, family=c.model_type, placed=(*vision.placed, *text.placed, *scales))


def _text(c: Config) -> ModelSpec:
    hidden = c.number("hidden_size", default=768)
    layers = c.number("num_hidden_layers", default=12, high=MAX_LAYERS)
    intermediate = c.number("intermediate_size", default=3072)
    heads = c.number("num_attention_heads", default=12, high=MAX_HEADS)
    vocab = c.number("vocab_size", default=32_000, high=MAX_VOCAB)
    positions = c.number("max_position_embeddings", default=64, high=MAX_POSITIONS)
    width = c.number("projection_size", default=hidden)
    if c.head("Model") != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    base = f"{c.prefix}text_model."
    placed = [
        place(f"{base}embeddings.token_embedding", Embedding(vocab, hidden)),
        place(f"{base}embeddings.position_embedding", Embedding(positions, hidden, "embedding.position")),
        *_clip.encoder(c, base, hidden, layers, intermediate, heads),
        place(f"{base}final_layer_norm", Norm(hidden, bias=True)),
        place(f"{base}head", Linear("projector.text", width, hidden, bias=True), tower="projector"),
    ]
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=positions)


def _vision(c: Config) -> ModelSpec:
    hidden = c.number("hidden_size", default=768)
    layers = c.number("num_hidden_layers", default=12, high=MAX_LAYERS)
    intermediate = c.number("intermediate_size", default=3072)
    heads = c.number("num_attention_heads", default=12, high=MAX_HEADS)
    patch, channels = c.number("patch_size", default=16), c.number("num_channels", default=3)
    # Keys that PaliGemma and Gemma 3 give their towers, which read none of them.
    c.ignore("projection_dim", "num_image_tokens", "num_positions", "projector_hidden_act")
    if c.head("Model") != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    pixels: Block
    if c.model_type == "siglip2_vision_model":
        tokens = c.number("num_patches", default=256, high=MAX_POSITIONS)
        pixels = Linear("embedding.patch", hidden, channels * patch**2, bias=True)
        c.ignore("image_size")
    else:
        tokens = (c.number("image_size", default=224) // patch) ** 2
        pixels = PatchEmbedding(hidden, channels, patch)
    base = f"{c.prefix}vision_model."
    placed = [
        place(f"{base}embeddings.patch_embedding", pixels),
        place(f"{base}embeddings.position_embedding", Embedding(tokens, hidden, "embedding.position")),
        *_clip.encoder(c, base, hidden, layers, intermediate, heads),
        place(f"{base}post_layernorm", Norm(hidden, bias=True)),
    ]
    if c.flag("vision_use_head", default=True):
        placed += _pooling(f"{base}head", hidden, intermediate)
    return vision_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, sequence=tokens)


def _pooling(name: str, hidden: int, intermediate: int) -> list[PlacedBlock]:
    """One learned query that attends to all patches."""
    return [
        place(f"{name}.probe", Parameter("other.pooler", (1, 1, hidden))),
        place(f"{name}.attention", PackedAttention(hidden)),
        place(f"{name}.layernorm", Norm(hidden, bias=True)),
        place(f"{name}.mlp", Mlp(hidden, intermediate, ("fc1", "fc2"), bias=True)),
    ]

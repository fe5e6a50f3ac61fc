"""CLIP (arXiv:2103.00020; transformers 5.23 `CLIPConfig`, `CLIPTextConfig`, `CLIPVisionConfig`).

Both towers alone or together; alone, `CLIPTextModelWithProjection` and its vision twin project. Published files leave
dimensions out: defaults as in those classes. Names as in huggingface.co/openai/clip-vit-base-patch32.
"""

from __future__ import annotations

from dataclasses import replace

from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families import _clip, read_part
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS, MAX_POSITIONS, MAX_VOCAB
from llmscale.model.families._config import Config
from llmscale.model.families._parts import tower
from llmscale.model.families._stack import classifier, place, text_spec, vision_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("clip", "clip_text_model", "clip_vision_model")


def read(c: Config) -> ModelSpec:
    """Read a CLIP config, or the config of one of its halves."""
    # There is no head to tie, but old files write out every key in each half.
    c.ignore("tie_word_embeddings")
    if c.model_type == "clip_text_model":
        return _text(c)
    return _vision(c) if c.model_type == "clip_vision_model" else _both(c)


def _both(c: Config) -> ModelSpec:
    head = c.head("Model")
    c.ignore("logit_scale_init_value")
    _same_twice(c, "text_config")
    _same_twice(c, "vision_config")
    width = c.number("projection_dim", default=512)
    vision = tower(c, "vision_config", "", "clip_vision_model")
    if head == "ForImageClassification":
        if c.get("text_config") is not None:
            c.ignore("text_config")
        placed = [*vision.placed, *classifier(c, vision.hidden_size)]
        return replace(vision, family=c.model_type, placed=tuple(placed))
    if head != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    known = {"architectures": ["Model"]}
    text = read_part(c.part("text_config", "", None, {"model_type": "clip_text_model"}, known))
    visual = Linear("projector.visual", width, vision.hidden_size)
    textual = Linear("projector.text", width, text.hidden_size)
    placed = [
        *vision.placed,
        place("visual_projection", visual, tower="projector"),
        *text.placed,
        place("text_projection", textual, tower="projector"),
        place("logit_scale", Parameter("other.logit_scale", ())),
    ]
    return replace(text, family=c.model_type, placed=tuple(placed))


def _same_twice(c: Config, key: str) -> None:
    """Older files say each part twice, the second time as ``…_dict``, which the class prefers."""
    first, second = c.get(key), c.get(f"{key}_dict")
    if isinstance(second, dict) and second and not isinstance(first, dict):
        raise c.unsupported(f"has {key}_dict without {key}")
    if isinstance(first, dict) and isinstance(second, dict):
        for name in first.keys() & second.keys():
            if first[name] != second[name]:
                raise c.error(f"has {name} = {first[name]} in {key} but {second[name]} in {key}_dict")


def _text(c: Config) -> ModelSpec:
    hidden = c.number("hidden_size", default=512)
    layers = c.number("num_hidden_layers", default=12, high=MAX_LAYERS)
    intermediate = c.number("intermediate_size", default=2048)
    heads = c.number("num_attention_heads", default=8, high=MAX_HEADS)
    vocab = c.number("vocab_size", default=49_408, high=MAX_VOCAB)
    positions = c.number("max_position_embeddings", default=77, high=MAX_POSITIONS)
    width = c.number("projection_dim", default=512)
    head = c.head("Model")
    base = f"{c.prefix}text_model."
    placed = [
        place(f"{base}embeddings.token_embedding", Embedding(vocab, hidden)),
        place(f"{base}embeddings.position_embedding", Embedding(positions, hidden, "embedding.position")),
        *_clip.encoder(c, base, hidden, layers, intermediate, heads),
        place(f"{base}final_layer_norm", Norm(hidden, bias=True)),
    ]
    if c.architecture("").endswith("WithProjection"):
        placed.append(place("text_projection", Linear("projector.text", width, hidden)))
    elif head != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=positions)


def _vision(c: Config) -> ModelSpec:
    hidden = c.number("hidden_size", default=768)
    layers = c.number("num_hidden_layers", default=12, high=MAX_LAYERS)
    intermediate = c.number("intermediate_size", default=3072)
    heads = c.number("num_attention_heads", default=12, high=MAX_HEADS)
    image, patch = c.number("image_size", default=224), c.number("patch_size", default=32)
    channels = c.number("num_channels", default=3)
    width = c.number("projection_dim", default=512)
    c.ignore("vocab_size")
    head = c.head("Model")
    base = f"{c.prefix}vision_model."
    tokens = (image // patch) ** 2 + 1
    placed = [
        place(f"{base}embeddings.class_embedding", Parameter("embedding.class", (hidden,))),
        place(f"{base}embeddings.patch_embedding", PatchEmbedding(hidden, channels, patch, bias=False)),
        place(f"{base}embeddings.position_embedding", Embedding(tokens, hidden, "embedding.position")),
        # The missing e is the published checkpoints' own.
        place(f"{base}pre_layrnorm", Norm(hidden, bias=True)),
        *_clip.encoder(c, base, hidden, layers, intermediate, heads),
        place(f"{base}post_layernorm", Norm(hidden, bias=True)),
    ]
    if c.architecture("").endswith("WithProjection"):
        placed.append(place("visual_projection", Linear("projector.visual", width, hidden)))
    elif head != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    return vision_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, sequence=tokens)

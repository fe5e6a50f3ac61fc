"""Vision Transformer (arXiv:2010.11929) and DeiT (arXiv:2012.12877): pre-norm encoders over patches and a class token.

Sources: transformers 5.23 `ViTConfig`, `DeiTConfig`. DeiT has a second token for distillation and, in its class with a
teacher, a second classifier. Names as in huggingface.co/google/vit-base-patch16-224.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_HEADS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, classifier, encoder_attention, place, stack, vision_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("vit", "deit")


def read(c: Config) -> ModelSpec:
    """Read a ViT or DeiT config."""
    hidden, layers = c.hidden(), c.layers()
    intermediate = c.hidden("intermediate_size")
    heads = c.number("num_attention_heads", high=MAX_HEADS)
    image, patch = c.number("image_size", default=224), c.number("patch_size", default=16)
    channels = c.number("num_channels", default=3)
    if image % patch:
        raise c.error(f"has an image of {image} pixels, not a multiple of its patches of {patch}")
    distilled = c.model_type == "deit"
    tokens = (image // patch) ** 2 + 1 + distilled
    qkv_bias = c.flag("qkv_bias", default=True)

    head = c.head("Model")
    base = "" if head == "Model" else f"{c.model_type}."

    def blocks(_: None) -> Iterator[Named]:
        names = ("attention.query", "attention.key", "attention.value", "output.dense")
        yield "layernorm_before", Norm(hidden, bias=True)
        yield "attention", encoder_attention(c, hidden, heads, names, bias=qkv_bias)
        yield "layernorm_after", Norm(hidden, bias=True)
        yield "", Mlp(hidden, intermediate, ("intermediate.dense", "output.dense"), bias=True)

    placed = [place(f"{base}embeddings.cls_token", Parameter("embedding.class", (1, 1, hidden)))]
    if distilled:
        placed.append(place(f"{base}embeddings.distillation_token", Parameter("embedding.class", (1, 1, hidden))))
    placed += [
        place(f"{base}embeddings.position_embeddings", Parameter("embedding.position", (1, tokens, hidden))),
        place(f"{base}embeddings.patch_embeddings.projection", PatchEmbedding(hidden, channels, patch)),
        *stack(f"{base}encoder.layer.{{layer}}", [None] * layers, blocks),
        place(f"{base}layernorm", Norm(hidden, bias=True)),
        *_on_top(c, head, hidden),
    ]
    return vision_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, sequence=tokens)


def _on_top(c: Config, head: str, hidden: int) -> list[PlacedBlock]:
    pooled = c.number("pooler_output_size", default=hidden)
    c.ignore("pooler_act")
    if head == "Model":
        return [place("pooler.dense", Linear("other.pooler", pooled, hidden, bias=True))]
    if head == "ForImageClassification":
        return classifier(c, hidden)
    if head == "ForImageClassificationWithTeacher":
        return [*classifier(c, hidden, "cls_classifier"), *classifier(c, hidden, "distillation_classifier")]
    raise c.unsupported(f"is a {c.architecture('')}")

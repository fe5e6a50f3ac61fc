"""DINOv2 (arXiv:2304.07193), with or without registers (arXiv:2309.16588): ViT with layer scales and a mask token.

Sources: transformers 5.23 `Dinov2Config`, `Dinov2WithRegistersConfig`; the giant's MLPs are gated. Defaults as in those
classes. Names as in huggingface.co/facebook/dinov2-base.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.linear import Parameter
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_HEADS, MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, classifier, encoder_attention, place, stack, vision_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("dinov2", "dinov2_with_registers")


def read(c: Config) -> ModelSpec:
    """Read a DINOv2 config."""
    hidden, layers = c.hidden(), c.layers()
    heads = c.number("num_attention_heads", high=MAX_HEADS)
    mlp = _mlp(c, hidden)
    with_registers = c.model_type == "dinov2_with_registers"
    registers = c.number("num_register_tokens", default=4, low=0, high=MAX_POSITIONS) if with_registers else 0
    bias = c.flag("qkv_bias", default=True)
    tokens = (c.number("image_size", default=224) // c.number("patch_size", default=14)) ** 2 + 1
    c.ignore("apply_layernorm", "layerscale_value", "out_features", "out_indices", "reshape_hidden_states")
    c.ignore("stage_names")
    head = c.head("Model")
    base = "" if head == "Model" else f"{c.model_type}."

    def blocks(_: None) -> Iterator[Named]:
        names = ("attention.query", "attention.key", "attention.value", "output.dense")
        yield "norm1", Norm(hidden, bias=True)
        yield "attention", encoder_attention(c, hidden, heads, names, bias=bias)
        yield "layer_scale1.lambda1", Parameter("other.layer_scale", (hidden,))
        yield "norm2", Norm(hidden, bias=True)
        yield "mlp", mlp
        yield "layer_scale2.lambda1", Parameter("other.layer_scale", (hidden,))

    placed = [
        *(place(f"{base}embeddings.{name}", block) for name, block in _embeddings(c, hidden, tokens, registers)),
        *stack(f"{base}encoder.layer.{{layer}}", [None] * layers, blocks),
        place(f"{base}layernorm", Norm(hidden, bias=True)),
    ]
    if head == "ForImageClassification":
        # The class token and the mean of the patches side by side.
        placed += classifier(c, 2 * hidden)
    elif head != "Model":
        raise c.unsupported(f"is a {c.architecture('')}")
    sequence = tokens + registers
    return vision_spec(c, placed, layers=layers, hidden=hidden, intermediate=mlp.intermediate, sequence=sequence)


def _mlp(c: Config, hidden: int) -> Mlp | GatedMlp:
    intermediate = hidden * c.number("mlp_ratio", default=4, high=MAX_HEADS)
    if not c.flag("use_swiglu_ffn"):
        return Mlp(hidden, intermediate, ("fc1", "fc2"), bias=True)
    # Two thirds of the width, rounded up to a multiple of 8.
    return GatedMlp(hidden, (intermediate * 2 // 3 + 7) // 8 * 8, ("weights_in", "weights_out"), bias=True)


def _embeddings(c: Config, hidden: int, tokens: int, registers: int) -> Iterator[Named]:
    """What makes tokens of patches; `tokens` with the class token."""
    channels, patch = c.number("num_channels", default=3), c.number("patch_size", default=14)
    yield "cls_token", Parameter("embedding.class", (1, 1, hidden))
    yield "position_embeddings", Parameter("embedding.position", (1, tokens, hidden))
    if c.flag("use_mask_token", default=True):
        yield "mask_token", Parameter("embedding.mask", (1, hidden))
    if registers:
        yield "register_tokens", Parameter("embedding.register", (1, registers, hidden))
    yield "patch_embeddings.projection", PatchEmbedding(hidden, channels, patch)

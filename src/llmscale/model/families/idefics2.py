"""Idefics 2 (arXiv:2405.02246; transformers 5.23 `Idefics2Config`): Mistral behind a SigLIP tower and a perceiver.

A gated MLP brings the tower's tokens to the text's width; the perceiver's learned latents then attend to them.
Defaults as in that class.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, tower, whole
from llmscale.model.families._stack import Named, place, stack
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("idefics2",)


def read(c: Config) -> ModelSpec:
    """Read an Idefics 2 config."""
    text = text_part(c, "model.text_model.", tied=tied(c), model_type="mistral", head_prefix="")
    vision = tower(c, "vision_config", "model.vision_model.", "idefics2_vision", forced=True)
    hidden, wide = text.hidden_size, text.intermediate_size
    projection = "model.connector.modality_projection"
    placed = [
        place(f"{projection}.gate_proj", Linear("projector.gate", wide, vision.hidden_size), tower="projector"),
        place(f"{projection}.up_proj", Linear("projector.up", wide, vision.hidden_size), tower="projector"),
        place(f"{projection}.down_proj", Linear("projector.down", hidden, wide), tower="projector"),
    ]
    perceiver = _perceiver(c.part("perceiver_config", "model.connector.perceiver_resampler.", None, {}), hidden)
    return whole(c, text, [*vision.placed, *placed, *perceiver])


def _perceiver(c: Config, hidden: int) -> list[PlacedBlock]:
    latents = c.number("resampler_n_latents", default=64, high=MAX_HEADS)
    depth = c.number("resampler_depth", default=3, high=MAX_LAYERS)
    heads = c.number("resampler_n_heads", default=16, high=MAX_HEADS)
    kv_heads = c.number("num_key_value_heads", default=4, high=heads)
    head_dim = c.number("resampler_head_dim", default=96, high=MAX_HEADS)
    # The class sets it to the text's width.
    c.ignore("hidden_size")

    def blocks(_: None) -> Iterator[Named]:
        yield "input_latents_norm", Norm(hidden)
        yield "input_context_norm", Norm(hidden)
        yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, cached=False)
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", GatedMlp(hidden, 4 * hidden)

    return [
        place(f"{c.prefix}latents", Parameter("projector.latents", (latents, hidden)), tower="projector"),
        *stack(f"{c.prefix}layers.{{layer}}", [None] * depth, blocks, "projector"),
        place(f"{c.prefix}norm", Norm(hidden), tower="projector"),
    ]

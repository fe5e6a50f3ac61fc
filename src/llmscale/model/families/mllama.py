"""Llama 3.2 Vision (arXiv:2407.21783; transformers 5.23 `MllamaConfig`): Llama 3 text, some layers of which look.

The layers of ``cross_attention_layers`` attend to the vision tower's tokens in place of the text's, behind two learned
gates. The embedding has eight rows more than the head. Names as in huggingface.co/meta-llama/Llama-3.2-11B-Vision,
whose 10,670,220,835 parameters come out at tiles of 560 pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, tower, whole
from llmscale.model.families._stack import Named, decoder, place, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("mllama", "mllama_text_model")
SPARE_ROWS = 8


def read(c: Config) -> ModelSpec:
    """Read a Llama 3.2 Vision config, or that of its text part alone."""
    if c.model_type == "mllama_text_model":
        return _text(c)
    if c.head("ForConditionalGeneration") == "ForCausalLM":  # the text alone, of a file of the whole
        c.ignore("vision_config")
        return whole(c, text_part(c, "", tied=tied(c), model_type="mllama_text_model"), [])
    text = text_part(c, "language_model.", tied=tied(c), model_type="mllama_text_model")
    vision = tower(c, "vision_config", "vision_model.", "mllama_vision_model")
    projector = Linear("projector.linear", text.hidden_size, vision.hidden_size, bias=True)
    text = replace(text, placed=tuple(_looking(placed, vision.sequence) for placed in text.placed))
    return whole(c, text, [*vision.placed, place("multi_modal_projector", projector, tower="projector")])


def _looking(placed: PlacedBlock, tokens: int | None) -> PlacedBlock:
    """With one image, which is padded to all tiles, of so many tokens before the layers that look at it."""
    block = placed.block
    if not isinstance(block, Attention) or block.source == "self":
        return placed
    return placed._replace(block=replace(block, source_tokens=tokens))


def _text(c: Config) -> ModelSpec:
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden)
    cross = set(c.numbers("cross_attention_layers", low=0, high=layers - 1))
    norm = Norm(hidden)

    def blocks(looks: bool) -> Iterator[Named]:
        qk_norm = (head_dim, head_dim) if looks else None
        attention = Attention(hidden, heads, kv_heads, head_dim, qk_norm=qk_norm)
        if looks:  # without a tower there is nothing to look at, and the layer is left out
            attention = replace(attention, source="cross", source_tokens=0)
        yield "input_layernorm", norm
        yield "cross_attn" if looks else "self_attn", attention
        if looks:
            yield "cross_attn_attn_gate", Parameter("attention.gate", (1,))
        yield "post_attention_layernorm", norm
        yield "mlp", GatedMlp(hidden, intermediate)
        if looks:
            yield "cross_attn_mlp_gate", Parameter("mlp.gate", (1,))

    placed = decoder(
        c,
        [layer in cross for layer in range(layers)],
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=norm,
        tied=c.flag("tie_word_embeddings"),
        spare_rows=SPARE_ROWS,
    )
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )

"""Prefix, prompt and p-tuning: tokens that are trained and no text.

Source: peft 0.21.2 ``tuners/{prefix_tuning,prompt_tuning,p_tuning}/model.py``, ``utils/other.py`` (which widths).
"""

from __future__ import annotations

from llmscale.errors import UsageError
from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.spec import ModelSpec

#: Model types whose config names no ``num_key_value_heads``, so that peft makes keys as wide as the hidden state,
#: whatever the class's own are (``_prepare_prompt_learning_config``).
AS_WIDE_AS_HIDDEN = frozenset({"falcon", "gpt_bigcode", "longt5", "mt5", "switch_transformers", "t5", "umt5"})

Tensors = tuple[tuple[tuple[int, ...], int], ...]


def virtual_tokens(spec: ModelSpec, method: str, tokens: int, projected: bool) -> Tensors:
    """What is trained, shapes with how many.

    Raises:
        UsageError: a model without attention that a prefix could be put before.
    """
    hidden, width = spec.hidden_size, _key_width(spec)
    rows = tokens * (2 if _decoder_layers(spec) else 1)  # peft gives an encoder and a decoder tokens each
    if method == "prompt":
        return (((rows, hidden), 1),)
    if method == "p-tuning":
        return (((rows, hidden), 1), ((hidden, hidden), 3), ((hidden,), 3))
    layers = _decoder_layers(spec) or spec.layers
    if not projected:
        return (((tokens, 2 * layers * width), 1),)
    made = 2 * layers * width
    return (((tokens, width), 1), ((width, width), 1), ((width,), 1), ((made, width), 1), ((made,), 1))


def _decoder_layers(spec: ModelSpec) -> int:
    """Layers of the decoder of an encoder-decoder; 0 for other models."""
    return sum(
        len(placed.layers)
        for placed in spec.placed
        if isinstance(placed.block, Attention) and placed.block.source == "cross"
    )


def _key_width(spec: ModelSpec) -> int:
    if spec.family in AS_WIDE_AS_HIDDEN:
        return spec.hidden_size
    for placed in spec.placed:
        if isinstance(placed.block, Attention) and not placed.tower:
            return placed.block.kv_heads * placed.block.head_dim
        if isinstance(placed.block, LatentAttention):
            # The config's head_dim is that of the rotary half.
            return placed.block.heads * placed.block.rope
    raise UsageError(f"{spec.name} has no attention that virtual tokens could be read by.", "Take --method lora.")

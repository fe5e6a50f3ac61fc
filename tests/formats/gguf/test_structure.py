"""Query heads per KV head, as the layout of llama.cpp's presets asks for them."""

from __future__ import annotations

import pytest

from llmscale import load
from llmscale.formats.gguf.structure import gqa


@pytest.mark.parametrize(
    ("model", "arch", "heads"),
    [
        ("qwen3-next-80b-a3b", "qwen3next", 8),
        ("jamba-1.5-mini", "jamba", 0),
        ("llama-3.1-8b", "llama", 4),
    ],
)
def test_where_the_first_layer_has_no_attention_the_architecture_decides(model: str, arch: str, heads: int) -> None:
    """16 heads on 2 KV heads from layer 3 on; those with heads by layer say 0 of layer 0; 32 heads on 8."""
    assert gqa(arch, load(model).known()) == heads


def test_heads_by_layer_are_those_of_the_first_that_has_them() -> None:
    """An architecture with heads by layer whose layer 0 has attention: 32 heads on 8."""
    assert gqa("granitehybrid", load("llama-3.1-8b").known()) == 4

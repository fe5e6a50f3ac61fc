"""The blocks that keep no tokens in SGLang's pools by themselves."""

from __future__ import annotations

from llmscale.runtimes.sglang.blocks import token_cells
from tests.runtimes.blocks import ALL, without_entry


def test_the_blocks_without_an_entry() -> None:
    """Latents are what all servers keep; Lightning attention is refused."""
    assert without_entry(token_cells) == ALL - {"Attention", "LightningAttention"}

"""The blocks that have no width of their own in vLLM's profile run, no experts, and unpack nothing."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.runtimes.vllm.blocks import experts, unpacked, width
from tests.runtimes.blocks import ALL, EXPERTS, MLPS, without_entry

LACKING = [
    (width, ALL - MLPS - {"Attention", "LatentAttention", "MixtureOfExperts"}),
    (experts, ALL - EXPERTS),
    (unpacked, ALL - {"LatentAttention"}),
]


@pytest.mark.parametrize(("question", "lacking"), LACKING)
def test_the_blocks_without_an_entry(question: Any, lacking: set[str]) -> None:
    assert without_entry(question) == lacking

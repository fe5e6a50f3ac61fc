"""What blocks mean to ranks: which of them have no entry, and what that makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.errors import UnsupportedModelError
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.recurrent import RwkvTimeMix
from llmscale.runtimes.parallel.blocks import Keeping, heads, kept, share
from llmscale.runtimes.parallel.rotary import rotated
from tests.runtimes.blocks import ALL, COMPRESSED, EXPERTS, MLPS, OTHERS, every_block, without_entry

#: Blocks without an entry. They are cut by the roles of their tensors, must not be divided by heads, keep nothing or
#: are refused (Griffin, RWKV), do not rotate.
LACKING = [
    (
        share,
        ALL - {"Attention", "KimiDeltaAttention", "Mamba2", "PackedExperts", "SharedKeyAttention", "StackedExperts"},
    ),
    (heads, ALL - {"Attention", "LatentAttention", "SharedKeyAttention"}),
    (kept, MLPS | EXPERTS | OTHERS | COMPRESSED | {"Griffin", "RwkvChannelMix", "RwkvTimeMix"}),
    (rotated, ALL - {"Attention", "LatentAttention"}),
]


def test_every_block_is_of_one_sort() -> None:
    assert {kind.__name__ for kind in every_block()} == ALL


@pytest.mark.parametrize(("question", "lacking"), LACKING)
def test_the_blocks_without_an_entry(question: Any, lacking: set[str]) -> None:
    assert without_entry(question) == lacking


def test_what_keeps_something_without_an_entry_is_refused() -> None:
    assert kept(GatedMlp(64, 128), Keeping()) is None
    with pytest.raises(UnsupportedModelError, match="RwkvTimeMix"):
        kept(RwkvTimeMix(64, 64), Keeping())

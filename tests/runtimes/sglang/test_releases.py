"""An older release of SGLang that is asked for answers by its own rules, wherever they are taken."""

from __future__ import annotations

import pytest

from llmscale.devices.sets import device_set
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import number_format, quant
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.sglang.runtime import runtime
from llmscale.runtimes.sglang.static import CONTEXT, defaults
from llmscale.runtimes.subject import Exact
from llmscale.sources.registry import load
from llmscale.units import GIB

#: The MiB that stay free of an RTX 4090: a constant, 1.5 for each token, 128 a rank, 2 for each of the batch, and 8 for
#: each of 42 prefill graphs up to 2,048 tokens and of 50 up to 4,096.
RESERVED = {
    "0.5.6": 512 + 1.5 * 2048 + 128 + 2 * 24,
    "0.5.19": 512 + 1.5 * 2048 + 128 + 2 * 24 + 8 * 42,
    "0.5.23": 512 + 1.5 * 4096 + 128 + 2 * 48 + 8 * 50,
}


@pytest.mark.parametrize("version", list(RESERVED))
def test_the_release_that_is_asked_for_decides(version: str) -> None:
    subject = model_of(load("llama-3.1-8b").known()).subject(quant("fp8"), "sglang")
    assert isinstance(subject, Exact)
    work, devices, it = Workload(8192, 1, number_format("bf16"), 2), device_set("rtx4090"), runtime(version)
    share = round(1 - RESERVED[version] / 24564, 3)
    usable = CONTEXT + int((devices.visible - CONTEXT) * share)
    placed = it.place(subject, work, devices)
    assert [usage.budget for usage in placed.devices] == list(it.budgets(work, devices)) == [usable]
    assert placed.capacity is not None
    assert placed.capacity.tokens is not None
    told = " ".join(it.explain(subject, work, placed, devices))
    assert f"x {share:.4g} - " in told
    assert f"= {placed.capacity.tokens:,} tokens" in told
    assert f"chunks of {4096 if version == '0.5.23' else 2048:,} tokens" in told


@pytest.mark.parametrize(("ranks", "share"), [(1, 0.88), (2, 0.87), (3, 0.87), (4, 0.85), (8, 0.81), (16, 0.79)])
def test_until_0_5_2_the_share_went_by_the_ranks_alone(ranks: int, share: float) -> None:
    for memory in (16 * GIB, 80 * GIB):
        found = defaults(memory, tensor=ranks, version="0.4.9")
        assert found.fraction == share
        assert found.chunk == (2048 if memory < 24 * GIB else 8192)
        # And every tower took the same of it.
        for tower in ((24, 1024), (48, 4096)):
            assert defaults(memory, tensor=ranks, version="0.4.9", vision=tower).fraction == share * 0.95

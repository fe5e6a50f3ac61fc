"""An older release of SGLang that is asked for answers by its own rules, wherever they are taken."""

from __future__ import annotations

import pytest

from llmscale.devices.sets import device_set
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import number_format, quant
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.sglang import static
from llmscale.runtimes.sglang.releases import MemoryTier, SglangRules, release
from llmscale.runtimes.sglang.runtime import runtime
from llmscale.runtimes.sglang.static import CONTEXT
from llmscale.runtimes.subject import Exact
from llmscale.sources.registry import load

#: Until 0.5.19 devices of less than 35 GiB had chunks of 2,048 tokens and batches of 24 and 80.
OLDER = SglangRules((MemoryTier(chunk=2048, few=24, many=80),))
#: The MiB that stay free of an RTX 4090: a constant, 1.5 for each token, 128 a rank, 2 for each of the batch, and 8 for
#: each of 42 prefill graphs up to 2,048 tokens and of 50 up to 4,096.
RESERVED = {
    "0.5.19": 512 + 1.5 * 2048 + 128 + 2 * 24 + 8 * 42,
    "0.5.23": 512 + 1.5 * 4096 + 128 + 2 * 48 + 8 * 50,
}


@pytest.mark.parametrize("version", ["0.5.19", "0.5.23"])
def test_the_release_that_is_asked_for_decides(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static, "release", lambda asked="": OLDER if asked == "0.5.19" else release(asked))
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
    assert f"chunks of {2048 if version == '0.5.19' else 4096:,} tokens" in told

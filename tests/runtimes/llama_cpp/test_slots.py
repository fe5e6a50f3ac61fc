"""llama-server's own words: what ``-c`` and ``-np`` mean for one sequence."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.answers.estimate import estimate
from llmscale.errors import UsageError
from llmscale.formats.catalogue import number_format
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.slots import in_slots
from llmscale.units import MIB
from tests.helpers import good, run


def work(batch: int = 1, **options: Any) -> Workload:
    return Workload(8192, batch, number_format("fp16"), 2, None, tuple(options.items()))


@pytest.mark.parametrize(
    ("asked", "context", "batch", "unified"),
    [
        (work(ctx_size=65536), 65536, 4, True),  # llama-server alone
        (work(ctx_size=65536, parallel="auto"), 65536, 4, True),
        (work(ctx_size=65536, parallel="4"), 16384, 4, None),
        (work(ctx_size=65536, parallel="1"), 65536, 1, None),
        (work(ctx_size=65536, parallel="4", unified_kv=True), 65536, 4, True),
        (work(ctx_size=10000, parallel="3"), 3584, 3, None),  # 3,333 rounded up to cells
        (work(2, ctx_size=65536), 32768, 2, None),
        (work(parallel="auto"), 8192, 4, True),
        (work(parallel="8"), 8192, 8, None),
        (work(3), 8192, 3, None),
    ],
)
def test_what_a_sequence_gets(asked: Workload, context: int, batch: int, unified: bool | None) -> None:
    found = in_slots(asked, named=False)
    assert (found.context, found.batch, found.option("unified_kv")) == (context, batch, unified)
    assert in_slots(found, named=True) == found


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (work(parallel="0"), "number of slots"),
        (work(parallel="many"), "number of slots"),
        (work(parallel="1000"), "number of slots"),
        (work(ctx_size=3), "less than a token"),
        (work(2, parallel="3"), "both"),
    ],
)
def test_slots_that_cannot_be_meant(asked: Workload, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        in_slots(asked, named=False)


def test_one_sequence_and_all_of_them_are_not_both_said() -> None:
    answer = run("estimate", "qwen3-8b", "--runtime", "llama.cpp", "--ctx-size", "32k", "--context", "8k")
    assert answer.status == 2
    assert "--context 8192 and --ctx-size 32768" in answer.err


def kv(model: str, **options: Any) -> float:
    context = None if "ctx_size" in options else 32768
    found = estimate(model, ["q8_0"], context=context, runtime="llama.cpp", options=options)
    return found.estimates[0].kv_cache_bytes / MIB


def test_windows_are_there_once_a_slot() -> None:
    """Four slots over one cache: full attention once, the windows of 1,024 and a step of 512 four times (of 48 layers
    every sixth of Gemma 3 12B sees everything, with 8 heads of 256)."""
    row = 2 * 8 * 256 * 2 / MIB
    assert kv("gemma-3-12b") == row * (8 * 32768 + 40 * 1536)
    assert kv("gemma-3-12b", ctx_size=32768) == row * (8 * 32768 + 40 * (4 * 1024 + 512))


def test_without_windows_four_slots_over_one_cache_take_no_more() -> None:
    assert kv("qwen3-8b", ctx_size=32768) == kv("qwen3-8b")
    assert kv("qwen3-8b", ctx_size="32k", parallel="4") == kv("qwen3-8b")


def test_the_answer_and_the_command_say_both() -> None:
    told = good(
        *("estimate", "gemma-3-12b", "-q", "q4_k_m", "--ctx-size", "32k", "--gpu", "rtx3090", "--command"),
        *("--width", "200"),
    ).out
    assert "context 32,768, batch 4" in told
    assert "-c 32768 -np 4" in told
    assert "-kvu" in told

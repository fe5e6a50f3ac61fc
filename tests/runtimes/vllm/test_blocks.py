"""Blocks of recurrent state against what vLLM reported of them, and starts that more sequences than these end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmscale.answers.estimate import estimate
from llmscale.answers.results.estimate import DeviceFit
from llmscale.runtimes.vllm.placement import SURE_BLOCKS
from tests.helpers import TRUTH, run

ROWS = json.loads((TRUTH / "vllm_blocks.json").read_text())["rows"]
#: Bytes of a block of this shape on all ranks: 16 layers' pages of 784 tokens of 4 heads of 256, K and V.
BLOCK = 16 * 784 * 4 * 256 * 2 * 2


def asked(row: dict[str, Any], **more: Any) -> DeviceFit:
    options = {"gpu_memory_utilization": row["share"], "tp": row.get("tp"), **more}
    said = {name: value for name, value in options.items() if value is not None}
    answer = estimate(
        *(row["model"], [row["quant"]]),
        context=row["context"],
        runtime=f"vllm@{row['release']}",
        gpus=[row["gpu"]],
        options=said,
    )
    return answer.estimates[0].devices[0]


def counted(row: dict[str, Any]) -> int:
    return (asked(row).kv_cache_bytes or 0) * row.get("tp", 1) // BLOCK


def told(device: DeviceFit) -> dict[str, Any]:
    return {limit.code: limit.values for limit in device.limits}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['gpu']}-{row['quant']}-{row['blocks']}")
def test_no_report_has_fewer_blocks_than_are_sure(row: dict[str, Any]) -> None:
    """Those that say how they were started are within 3 %; the others have at least the share that is called sure."""
    found = counted(row)
    assert SURE_BLOCKS * found <= row["blocks"] <= found
    assert "unsaid" in row or row["blocks"] == pytest.approx(found, rel=0.03)


def test_the_sure_share_is_the_least_of_the_rows() -> None:
    assert min(row["blocks"] / counted(row) for row in ROWS) == pytest.approx(SURE_BLOCKS, abs=0.005)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['gpu']}-{row['quant']}-{row['blocks']}")
def test_no_start_that_ended_is_called_a_sure_one(row: dict[str, Any]) -> None:
    """Two cards of 32 GB allow 256 sequences by default, for which there are enough."""
    assert asked(row).fits is (row["blocks"] > 1024 or row["gpu"] == "2x rtx5090")


@pytest.mark.parametrize(
    ("sequences", "release", "code"),
    [
        (None, "0.20", "perhaps_too_many_sequences"),
        (None, "0.33", "perhaps_too_many_sequences"),
        (1200, "0.33", "too_many_sequences"),
        (876, "0.33", None),
        (None, "0.19.1", None),
    ],
)
def test_what_is_said_of_the_sequences(sequences: int | None, release: str, code: str | None) -> None:
    """1,124 blocks, of which 876 are sure; until 0.19 fewer graphs were captured instead."""
    row = ROWS[4] | {"release": release}
    device = asked(row, max_num_seqs=sequences)
    assert [found for found in told(device) if found.endswith("sequences")] == ([code] if code else [])
    assert device.fits is (code is None)
    assert device.may_fit is (code != "too_many_sequences")


def test_the_answer_in_words() -> None:
    row = ROWS[4]
    words = (row["model"], "-q", row["quant"], "--runtime", "vllm", "--gpu", row["gpu"], "--context", "262144")
    english, chinese = (run("estimate", *words, "--lang", language).out for language in ("en", "zh"))
    assert english.startswith("Maybe: ")
    assert "of ~1,124 blocks of recurrent state some logs had only 876" in " ".join(english.split())
    assert chinese.startswith("不一定")
    assert "--max-num-seqs 876" in "".join(chinese.split("\n"))


def test_models_without_states_take_any_number_of_sequences() -> None:
    """Graphs of decode steps want a block of state for each sequence, and these have none."""
    for model, codes in (("llama-3.1-8b", set()), ("qwen3-next-80b-a3b", {"too_many_sequences"})):
        options = {"max_num_seqs": 100_000}
        answer = estimate(model, ["fp8"], context=4096, runtime="vllm", gpus=["2x h100"], options=options)
        (told,) = answer.estimates[0].devices
        assert {limit.code for limit in told.limits} & {"too_many_sequences"} == codes

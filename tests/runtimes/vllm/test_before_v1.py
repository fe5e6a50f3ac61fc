"""vLLM 0.6 and 0.7: prompts in one step, and no confidence about what else that engine reserved."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.runtimes.vllm.profile import DeviceTraits, activation_peak, step_widths
from llmscale.runtimes.vllm.releases import default_batch, release
from llmscale.units import GIB
from tests.helpers import good
from tests.runtimes.vllm.more import more
from tests.runtimes.vllm.rows import cases


def device(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = good("estimate", *words, "-o", "json").json()["estimates"][0]["devices"][0]
    return found


def test_the_peaks_that_its_logs_print() -> None:
    """Of 0.6 and 0.7 in plain 16 bits; an A100's of 9.37 GiB is left out, which no step of its context explains."""
    rows = [(c.row, c.spec) for c in cases("activation_peak_gib", "max_model_len")]
    rows += [(one.row, one.spec) for one in more("activation_peak_gib", "max_model_len")]
    found = {}
    for row, spec in rows:
        said = str(row["vllm_version"])
        if not said.startswith(("0.6", "0.7")) or row.get("quantization") or row["activation_peak_gib"] > 9:
            continue
        if any(placed.tower for placed in spec.placed):
            continue
        rules = release("0.6.6")
        hopper = 9.0 if "H100" in row["gpu"] else 8.0
        batch = default_batch(24 * GIB, rules, row["max_model_len"])
        peak = activation_peak(step_widths(spec), batch, rules, device=DeviceTraits(capability=hopper))
        found[spec.id] = peak / GIB / row["activation_peak_gib"] - 1
    assert len(found) >= 3
    assert max(map(abs, found.values())) < 0.03, found


@pytest.mark.parametrize(("version", "said"), [("0.7.3", (False, False)), ("0.19.0", (True, True))])
def test_a_long_prompt_in_one_step_leaves_no_room(version: str, said: tuple[bool, bool]) -> None:
    """Granite 3.3 8B at 28,000 tokens on 24 GB: the step takes 3 GiB, of 2,048 tokens in 0.19 a quarter of one."""
    found = device("granite-3.3-8b", "-q", "bf16", "--gpu", "rtx4090", "-c", "28000", "--runtime", f"vllm@{version}")
    assert (found["fits"], found["may_fit"]) == said


@pytest.mark.parametrize(("context", "codes"), [(16384, []), (32768, ["engine_before_v1"])])
def test_what_nearly_fits_is_a_maybe_with_its_reason(context: int, codes: list[str]) -> None:
    asked = ("mistral-7b-v0.3", "-q", "bf16", "--gpu", "rtx4090", "--runtime", "vllm@0.7.3")
    found = device(*asked, "-c", str(context))
    assert (found["fits"], found["may_fit"]) == (not codes, True)
    assert [limit["code"] for limit in found["limits"]] == codes
    assert found["max_context"] < 32768


@pytest.mark.parametrize("model", ["gemma-2-2b", "qwen2.5-vl-3b"])
def test_a_cache_of_several_kinds_and_pictures_are_no_yes(model: str) -> None:
    found = device(model, "-q", "bf16", "--gpu", "h100", "--runtime", "vllm@0.6.6")
    assert (found["fits"], found["may_fit"]) == (False, True)
    assert device(model, "-q", "bf16", "--gpu", "h100", "--runtime", "vllm@0.8.5")["fits"]


@pytest.mark.parametrize(("lang", "word"), [("en", "older than the engine"), ("zh", "早于")])
def test_the_reason_is_said(lang: str, word: str) -> None:
    asked = ("gemma-2-2b", "-q", "bf16", "--gpu", "h100", "--runtime", "vllm@0.6.6", "--lang", lang)
    assert word in good("estimate", *asked).out

"""``llmscale log``: real start-up logs (`tests/logs`) beside the estimate."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmscale.runtimes.logs import read
from llmscale.units import GIB, MIB
from tests.helpers import run

LOGS = Path(__file__).resolve().parent.parent / "logs"


def told(name: str, *more: str) -> dict[str, Any]:
    answer = run("log", str(LOGS / f"{name}.log"), *more, "-o", "json")
    assert answer.status == 0, answer.err
    found: dict[str, Any] = answer.json()
    return found


def terms(answer: dict[str, Any]) -> dict[tuple[str, int | None], dict[str, Any]]:
    return {(term["kind"], term["device"]): term for term in answer["terms"]}


def test_llama_server_to_the_last_digit() -> None:
    found = terms(told("llama-qwen3-4b", "--model", "qwen3-4b", "-q", "q4_k_m"))
    for where in (("weights", 0), ("weights", None), ("kv_cache", 0)):
        assert abs(found[where]["difference_bytes"]) <= found[where]["step_bytes"], where
    assert found["weights", 0]["log_bytes"] == round(2375.91 * MIB)
    assert found["compute", 0]["log_bytes"] == round(85.01 * MIB)
    # The output buffer and the scratch of the host are one figure.
    assert found["compute", None]["log_bytes"] == round(2.32 * MIB) + round(28.02 * MIB)


def test_ollama_says_all_by_itself() -> None:
    answer = told("ollama-qwen2.5-coder-7b")
    assert (answer["model"]["id"], answer["quant"], answer["context"]) == ("qwen2.5-coder-7b", "q4_k_m", 32768)
    assert (answer["runtime"], answer["release"], answer["device"]) == ("ollama", "0.20.2", "rtx3060-12gb")
    found = terms(answer)
    # Weights by the runner's lines, the cache by Ollama's sum, which has one decimal.
    assert abs(found["weights", 0]["difference_bytes"]) <= found["weights", 0]["step_bytes"]
    assert found["kv_cache", 0]["estimate_bytes"] == 1792 * MIB
    assert abs(found["kv_cache", 0]["difference_bytes"]) <= found["kv_cache", 0]["step_bytes"]
    assert found["compute", 0]["log_bytes"] == round(1.8 * GIB)


def test_vllm_with_speculation_and_prefixes_as_its_arguments_say() -> None:
    answer = told("vllm-qwen3.6-27b-mtp", "--gpu", "2x rtx3090", "--runtime", "vllm@0.22")
    assert (answer["model"]["id"], answer["quant"], answer["context"]) == ("qwen3.6-27b", "autoround", 262144)
    assert answer["options"]["prefix_caching"] is True
    assert answer["estimate_cache_tokens"] == pytest.approx(answer["cache_tokens"], rel=0.005)


def test_vllm_without_its_device_compares_weights_and_no_cache() -> None:
    answer = told("vllm-qwen3.6-27b-spark")
    assert (answer["quant"], answer["device"]) == ("nvfp4-fp8", "")
    found = terms(answer)
    assert found["weights", 0]["estimate_bytes"] == pytest.approx(found["weights", 0]["log_bytes"], rel=0.001)
    assert found["kv_cache", 0]["estimate_bytes"] is None
    assert ("compute", 0) not in found
    (note,) = (
        one["values"]
        for one in told("vllm-qwen3.6-27b-spark", "--gpu", "dgx-spark")["notes"]
        if one["code"] == "system_takes"
    )
    assert note["fewest"] <= answer["cache_tokens"] <= note["most"]


def test_vllm_of_a_release_and_cards_that_the_log_leaves_open() -> None:
    answer = told("vllm-qwen3-235b-l40s", "--gpu", "8x l40s", "--runtime", "vllm@0.11.0")
    assert (answer["options"]["tp"], answer["options"]["ep"]) == (8, True)
    found = terms(answer)
    assert found["weights", 0]["difference_bytes"] == pytest.approx(0, abs=0.01 * GIB)
    assert found["kv_cache", 0]["estimate_bytes"] == pytest.approx(found["kv_cache", 0]["log_bytes"], rel=0.01)
    assert answer["estimate_cache_tokens"] == pytest.approx(answer["cache_tokens"], rel=0.01)


def test_vllm_whose_model_is_published_quantised_and_did_not_start() -> None:
    answer = told("vllm-gpt-oss-120b", "--gpu", "h100", "--runtime", "vllm@0.11.0")
    assert (answer["quant"], answer["context"]) == ("mxfp4", 131072)
    assert answer["trouble"]["kind"] == "kv_cache"
    assert terms(answer)["kv_cache", 0]["estimate_bytes"] == pytest.approx(1.71 * GIB, rel=0.05)


def test_vllm_by_what_it_sees_of_the_card() -> None:
    answer = told("vllm-llava-mistral-7b")
    assert (answer["compared_release"], answer["quant"], answer["context"]) == ("0.10.2", "fp16", 4096)
    assert answer["options"] == {"max_num_batched_tokens": 16384, "gpu_memory_utilization": 0.9}
    assert answer["cache_tokens"] == 451744
    assert answer["estimate_cache_tokens"] == pytest.approx(451744, rel=0.005)
    found = terms(answer)
    assert set(found) == {("weights", 0), ("kv_cache", 0), ("compute", 0), ("overhead", 0)}
    for kind in ("weights", "kv_cache", "compute"):
        assert found[kind, 0]["estimate_bytes"] == pytest.approx(found[kind, 0]["log_bytes"], rel=0.01)


def test_vllm_on_four_cards_is_told_by_rank() -> None:
    answer = told("vllm-qwen3-vl-30b")
    assert (answer["device"], answer["options"]["tp"]) == ("rtx3090", 4)
    weights = terms(answer)["weights", 0]
    assert weights["log_bytes"] == round(14.7708 * GIB)
    assert weights["estimate_bytes"] == pytest.approx(weights["log_bytes"], rel=0.001)


def test_sglang() -> None:
    answer = told("sglang-qwq-32b")
    assert (answer["model"]["id"], answer["quant"], answer["options"]["tp"]) == ("qwq-32b", "bf16", 4)
    assert answer["options"]["mem_fraction_static"] == 0.85
    found = terms(answer)
    assert found["kv_cache", 0]["log_bytes"] == 2 * round(1.42 * GIB)
    assert found["weights", 0]["estimate_bytes"] == pytest.approx(found["weights", 0]["log_bytes"], rel=0.01)
    assert answer["estimate_cache_tokens"] == pytest.approx(46611, rel=0.06)


def test_older_lines_and_two_cards() -> None:
    answer = told("llama-two-cards", "--model", "llama-3-70b", "-q", "q4_k_m")
    # The 4060 Ti of 8 GB cannot hold what the log puts there.
    assert answer["device"] == "rtx4060ti-16gb + rtx3060-12gb"
    assert answer["options"]["gpu_layers"] == "78"
    found = terms(answer)
    assert found["weights", None]["log_bytes"] == round(22994.45 * MIB)
    assert found["kv_cache", None]["log_bytes"] == 64 * MIB
    assert found["compute", 0]["log_bytes"] == round(1108.5 * MIB)


def test_out_of_memory_names_the_part_and_what_fits() -> None:
    answer = told("made-llama-out-of-memory")
    trouble = answer["trouble"]
    assert (trouble["kind"], trouble["device"]) == ("kv_cache", 0)
    assert trouble["wanted_bytes"] == trouble["estimate_bytes"] == 6144 * MIB
    common = ["estimate", "qwen2.5-14b", "-q", "q4_k_m", "--no-flash-attn", "--gpu", "rtx3060:11750MiB"]
    fits = run(*common, "--reserve", "0", "-c", str(trouble["max_context"]), "-o", "json").json()
    assert 0 < trouble["max_context"] < 32768
    assert fits["estimates"][0]["devices"][0]["fits"] is True
    assert 0 < trouble["gpu_layers"] < trouble["layers"] == 49
    text = run("log", str(LOGS / "made-llama-out-of-memory.log")).out
    assert "Out of memory: KV cache on device 0, 6.00 GiB asked for" in text
    assert f"-ngl {trouble['gpu_layers']}" in text


def test_in_chinese() -> None:
    text = run("log", str(LOGS / "made-llama-out-of-memory.log"), "--lang", "zh").out
    for word in ("显存不足", "可行", "日志 MiB", "内存"):
        assert word in text
    assert "Out of memory" not in text
    assert "What fits" not in text


def test_the_anonymous_row_has_figures_and_no_text_of_the_log() -> None:
    answer = run("log", str(LOGS / "made-llama-out-of-memory.log"), "--anonymise")
    row = json.loads(answer.out)
    assert row["model"] == "qwen2.5-14b"
    assert row["out_of_memory"]["wanted_bytes"] == 6144 * MIB
    assert {term["bytes"] for term in row["terms"]} == {round(8148.38 * MIB), round(417.66 * MIB)}
    for name in ("private", "gguf", "/", "\\"):
        assert name not in answer.out


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = (LOGS / "ollama-qwen2.5-coder-7b.log").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))
    assert "rtx3060-12gb" in run("log", "-").out


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("hello world\n", 4, "No figure of memory"),
        ("", 4, "No figure of memory"),
        ("load_tensors: CUDA0 model buffer size = 10.00 MiB\n", 2, "does not say which model"),
        ("general.name str = nobody-knows-me\nload_tensors: CUDA0 model buffer size = 10.00 MiB\n", 3, "--model"),
    ],
)
def test_what_is_no_such_log_or_does_not_say(tmp_path: Path, text: str, status: int, said: str) -> None:
    path = tmp_path / "some.log"
    path.write_text(text, encoding="utf-8")
    answer = run("log", str(path))
    assert answer.status == status
    assert said in answer.err
    assert answer.out == ""


def test_a_log_that_is_not_there() -> None:
    assert run("log", "/no/such/file.log").status == 4


def test_windows_lines_and_colours_do_not_matter(tmp_path: Path) -> None:
    text = (LOGS / "llama-qwen3-4b.log").read_text(encoding="utf-8")
    path = tmp_path / "windows.log"
    path.write_bytes("\r\n".join(f"\x1b[32m{line}\x1b[0m" for line in text.splitlines()).encode("utf-16"))
    said = ("--model", "qwen3-4b", "-q", "q4_k_m", "-o", "json")
    assert run("log", str(path), *said).json()["terms"] == told("llama-qwen3-4b", *said[:4])["terms"]


LINES = [line for path in sorted(LOGS.glob("*.log")) for line in path.read_text(encoding="utf-8").splitlines()]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=80)), max_size=30))
def test_lines_in_any_order_are_read_or_none_of_ours(lines: list[str]) -> None:
    found = read("\n".join(lines))
    assert found is None or all(term.bytes > 0 for term in found.terms)

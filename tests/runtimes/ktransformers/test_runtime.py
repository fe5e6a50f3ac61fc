"""KTransformers: experts in host memory, the rest on SGLang's devices, against its own tutorials and by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmscale import estimate
from llmscale.errors import UnsupportedModelError
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import number_format, quant
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.ktransformers.experts import BYTES, experts_of, host_bytes, layer_bytes
from llmscale.runtimes.ktransformers.placement import held_of
from llmscale.runtimes.parallel.planes import planes_of
from llmscale.runtimes.subject import Exact
from llmscale.sources.registry import load
from llmscale.units import GIB
from tests.helpers import TRUTH, good, run

ROWS: list[dict[str, Any]] = json.loads((TRUTH / "ktransformers.json").read_text(encoding="utf-8"))["rows"]
GB = 10**9


def subject(name: str, form: str) -> Exact:
    found = model_of(load(name).known()).subject(quant(form), "sglang")
    assert isinstance(found, Exact)
    return found


def line(*arguments: str, runtime: str = "ktransformers") -> dict[str, Any]:
    told = json.loads(good("estimate", *arguments, "--runtime", runtime, "-o", "json").out)
    (found,) = told["estimates"]
    return {**found, **(found["devices"][0] if found["devices"] else {})}


def refused(*arguments: str) -> str:
    answer = run("estimate", *arguments, "--runtime", "ktransformers")
    assert answer.status in (2, 4), answer.out
    return answer.err


# -- against its tutorials ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [row for row in ROWS if "ram_gb" in row], ids=lambda row: row["model"])
def test_ram_is_what_tutorials_ask_for(row: dict[str, Any]) -> None:
    """A stated use to 7 %; where at least so much is asked for, no more than that, and most of it."""
    size = host_bytes(subject(row["catalogue"], row["quant"]).spec, row["method"]) / GB
    if row["exact"]:
        assert size == pytest.approx(row["ram_gb"], rel=0.07)
    else:
        assert 0.75 * row["ram_gb"] < size < row["ram_gb"]


@pytest.mark.parametrize("row", [row for row in ROWS if "layer_gb" in row], ids=lambda row: row["model"])
def test_a_layer_that_a_long_prompt_takes(row: dict[str, Any]) -> None:
    found = subject(row["catalogue"], row["quant"])
    assert layer_bytes(found.spec, planes_of(found.quant)) / GB == pytest.approx(row["layer_gb"], rel=0.06)


def test_a_device_takes_what_a_tutorial_says() -> None:
    (row,) = [row for row in ROWS if "vram_gb" in row]
    device = line(
        *(row["catalogue"], "-q", row["quant"], "--gpu", row["device"], "-c", str(row["tokens"])),
        *("--kt-num-gpu-experts", str(row["gpu_experts"]), "--mem-fraction-static", str(row["share"])),
        *("--chunked-prefill-size", str(row["chunk"])),
    )
    assert device["used_bytes"] / GB == pytest.approx(row["vram_gb"], rel=0.05)


# -- by hand -----------------------------------------------------------------------------------------------------------


def test_a_matrix_by_hand() -> None:
    sizes = {method: size(1536, 2048) for method, size in BYTES.items()}
    elements = 1536 * 2048
    assert sizes == {
        "bf16": 2 * elements,
        "fp8": elements + 4 * 12 * 16,
        "fp8_perchannel": elements + 4 * 1536,
        "rawint4": elements // 2 + 4 * elements // 32,
        "amxint8": elements + 4 * 1536,
        "amxint4": elements // 2 + 4 * 1536,
    }


def test_experts_leave_the_devices_and_stay_in_ram() -> None:
    """With all experts on the devices SGLang's weights; each fewer takes its share off; RAM holds all in any case."""
    model = ("qwen3-30b-a3b", "-q", "bf16", "--gpu", "h200")
    spec = subject("qwen3-30b-a3b", "bf16").spec
    everything = 48 * 128 * 3 * 2048 * 768 * 2
    none, half, full = (line(*model, "--kt-num-gpu-experts", count) for count in ("0", "64", "128"))
    assert [one["host_bytes"] for one in (none, half, full)] == [everything] * 3
    assert host_bytes(spec, "bf16") == everything
    assert experts_of(spec) == 128
    assert full["used_bytes"] == line(*model, runtime="sglang")["used_bytes"]
    assert full["used_bytes"] - none["used_bytes"] == pytest.approx(everything, rel=1e-3)
    assert half["used_bytes"] - none["used_bytes"] == pytest.approx(everything / 2, rel=2e-3)
    two = line("qwen3-30b-a3b", "-q", "bf16", "--gpu", "2x h200", "--kt-num-gpu-experts", "128")
    assert two["host_bytes"] == everything


def test_formats_of_the_processor() -> None:
    model = ("qwen3-30b-a3b", "-q", "bf16", "--gpu", "rtx4090")
    whole, eight, four = (
        line(*model, *method)["host_bytes"] for method in ((), ("--kt-method", "amxint8"), ("--kt-method", "amxint4"))
    )
    assert whole / 2 == pytest.approx(eight, rel=0.01)
    assert whole / 4 == pytest.approx(four, rel=0.01)
    assert line(*model)["used_bytes"] == line(*model, "--kt-method", "amxint4")["used_bytes"]


# -- through the command line ------------------------------------------------------------------------------------------


def test_ram_that_is_named_decides() -> None:
    model = ("qwen3-30b-a3b", "-q", "bf16", "--gpu", "rtx4090")
    assert line(*model, "--ram", "64GiB")["fits"]
    assert not line(*model, "--ram", "48GiB")["fits"]
    listed = json.loads(good("fits", "rtx4090", "--runtime", "ktransformers", "--ram", "64GiB", "-o", "json").out)
    assert listed["models"]
    assert all(0 < model["host_bytes"] <= 64 * GIB for model in listed["models"] if model["fits"])
    many = json.loads(good("fits", "rtx4090", "--runtime", "ktransformers", "-o", "json").out)
    assert max(model["host_bytes"] for model in many["models"] if model["fits"]) > 64 * GIB


def test_what_to_type() -> None:
    asked = ("qwen3-30b-a3b", "-q", "bf16", "--gpu", "rtx4090", "--runtime", "ktransformers", "--command")
    shown = " ".join(good("estimate", *asked).out.split())
    assert "python -m sglang.launch_server --model-path Qwen/Qwen3-30B-A3B --context-length 4096" in shown
    assert "--kt-method BF16 --kt-weight-path Qwen/Qwen3-30B-A3B --kt-num-gpu-experts 1" in shown
    more = ("--kt-method", "amxint8", "--kt-num-gpu-experts", "8", "--kt-gpu-prefill-token-threshold", "1024")
    shown = " ".join(good("estimate", *asked, *more).out.split())
    end = "--kt-method AMXINT8 --kt-weight-path ./qwen3-30b-a3b-amxint8 --kt-num-gpu-experts 8"
    assert f"{end} --kt-gpu-prefill-token-threshold 1024" in shown


def test_a_layer_may_find_no_room_for_a_long_prompt() -> None:
    asked = ("deepseek-v3", "-q", "fp8-block", "--gpu", "l20", "--mem-fraction-static", "0.98")
    long = line(*asked, "--kt-gpu-prefill-token-threshold", "1024")
    assert (long["fits"], long["may_fit"]) == (False, True)
    assert [limit["code"] for limit in long["limits"]] == ["layer_beyond_rest"]
    assert line(*asked, "--kt-gpu-prefill-token-threshold", "8192")["fits"]
    few = estimate("deepseek-v3", ["fp8-block"], gpus=["l20"], runtime="ktransformers", batch=9, max_running_requests=8)
    assert [note.code for note in few.estimates[0].devices[0].limits] == ["fewer_requests"]


def test_its_formulas() -> None:
    asked = ("estimate", "qwen3-30b-a3b", "-q", "bf16", "--runtime", "ktransformers", "--explain")
    shown = " ".join(good(*asked, "--gpu", "rtx4090").out.split())
    for words in (
        "with 1 of 128 experts of each layer",
        "all experts as BF16",
        "experts of one layer =",
        "for pools =",
    ):
        assert words in shown, words
    assert "for pools =" not in good(*asked).out
    assert "全部专家按 BF16" in good(*asked, "--gpu", "rtx4090", "--lang", "zh").out


def test_a_device_that_nobody_names_is_answered() -> None:
    """What is on a device and what is in RAM together, and the least of the common cards that its part fits."""
    told = json.loads(good("estimate", "qwen3-30b-a3b", "-q", "bf16", "--runtime", "ktransformers", "-o", "json").out)
    (answer,) = told["estimates"]
    assert answer["total_bytes"] > answer["weights_bytes"] > 48 * 128 * 3 * 2048 * 768 * 2
    assert [device["fits"] for device in answer["devices"]][:2] == [False, True]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("llama-3.1-8b", "-q", "bf16"), "no code for"),
        (("qwen3-30b-a3b", "-q", "awq"), "does not run AWQ"),
        (("qwen3-30b-a3b", "-q", "bf16", "--kt-method", "fp8"), "shares the weights of another checkpoint"),
        (("qwen3-30b-a3b", "-q", "bf16", "--kt-num-gpu-experts", "129"), "129 of 128 experts"),
        (("qwen3-30b-a3b", "-q", "bf16", "--kt-method", "llamafile"), "llamafile"),
        (("30B-A3B", "-q", "bf16"), "Of a size alone nobody knows"),
        (("qwen3-30b-a3b", "-q", "bf16", "--gpu", "mi300x"), "is not modelled"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], words: str) -> None:
    assert words in refused(*arguments)


def test_a_model_without_experts_has_nothing_for_host_memory() -> None:
    asked = Workload(4096, 1, number_format("fp16"), 2)
    with pytest.raises(UnsupportedModelError, match="has no routed experts"):
        held_of(subject("llama-3.1-8b", "bf16"), asked)

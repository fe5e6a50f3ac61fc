"""The ``vllm serve`` line: every flag is one of its own, and says what the answer was computed for."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from llmscale import load
from llmscale.devices.sets import device_set
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import number_format, quant
from llmscale.runtimes.interface import ModelName, Workload
from llmscale.runtimes.registry import runtime
from llmscale.runtimes.subject import Exact
from llmscale.runtimes.vllm.launch import vllm_serve

#: vLLM 0.33.0, vllm/engine/arg_utils.py.
VALUES = {
    "--max-model-len",
    "--tensor-parallel-size",
    "--pipeline-parallel-size",
    "--data-parallel-size",
    "--gpu-memory-utilization",
    "--max-num-seqs",
    "--max-num-batched-tokens",
    "--kv-cache-dtype",
    "--quantization",
    "--dtype",
}
SWITCHES = {"--enable-expert-parallel", "--enforce-eager"}
#: vLLM 0.33.0, quantization/__init__.py and config/cache.py. Its "fp8" is for checkpoints that are FP8 already.
ONLINE = {"fp8_per_tensor", "fp8_per_channel", "fp8_per_block", "mxfp8"}
CACHES = {"float16", "bfloat16", "fp8"}
#: The ranks that a settled workload names.
RANKS = ("--tensor-parallel-size", "--pipeline-parallel-size", "--data-parallel-size")
NAMED = ModelName("llama-3.1-8b", "meta-llama/Llama-3.1-8B")


def asked(form: str, kv: str = "fp16", kv_v: str = "", **options: object) -> Workload:
    v = number_format(kv_v) if kv_v else None
    return Workload(8192, 1, number_format(kv), quant(form).activation_bytes, v, tuple(options.items()))


def subject(form: str) -> Exact:
    found = model_of(load("llama-3.1-8b").known()).subject(quant(form), "vllm")
    assert isinstance(found, Exact)
    return found


def flags(form: str = "bf16", devices: str = "h100", **options: Any) -> dict[str, str]:
    """The flags of a line with their values, for `options` as vLLM settles them; each must be known."""
    work = runtime("vllm").settle(subject(form), asked(form, **options), device_set(devices))
    line = vllm_serve(subject(form), work, NAMED)
    assert line is not None
    words, found = shlex.split(line)[3:], {}
    while words:
        flag = words.pop(0)
        assert flag in VALUES | SWITCHES, flag
        found[flag] = words.pop(0) if flag in VALUES else ""
    return found


def test_every_option_has_its_flag() -> None:
    options = {"tp": 2, "pp": 2, "dp": 2, "ep": True, "gpu_memory_utilization": 0.85, "max_num_seqs": 64}
    found = flags("fp8", "8x h100", kv="fp8", max_num_batched_tokens=4096, enforce_eager=True, **options)
    assert found.keys() == VALUES - {"--dtype"} | SWITCHES
    assert [found[rank] for rank in RANKS] == ["2", "2", "2"]
    assert found["--gpu-memory-utilization"] == "0.85"
    assert found["--kv-cache-dtype"] in CACHES


@pytest.mark.parametrize(
    ("options", "ranks"),
    [
        ({}, ["8", None, None]),
        ({"pp": 2}, ["4", "2", None]),
        ({"tp": 4}, ["4", None, None]),
        ({"dp": 8}, [None, None, "8"]),
    ],
)
def test_devices_share_each_layer_unless_told_otherwise(options: dict[str, int], ranks: list[str | None]) -> None:
    found = flags(devices="8x h100", **options)
    assert [found.get(rank) for rank in RANKS] == ranks


@pytest.mark.parametrize("form", ["fp8", "fp8-dynamic", "fp8-block", "mxfp8"])
def test_a_checkpoint_of_16_bits_is_quantised_as_it_loads(form: str) -> None:
    line = vllm_serve(subject(form), asked(form), NAMED)
    assert line is not None
    assert line.startswith("vllm serve meta-llama/Llama-3.1-8B ")
    assert flags(form)["--quantization"] in ONLINE


@pytest.mark.parametrize(
    ("named", "form", "name"),
    [
        (NAMED, "awq", "./llama-3.1-8b-awq"),
        (ModelName("gpt-oss-20b", "openai/gpt-oss-20b", "mxfp4"), "mxfp4", "openai/gpt-oss-20b"),
        (ModelName("gpt-oss-20b", "openai/gpt-oss-20b", "mxfp4"), "bf16", "./gpt-oss-20b"),
        (ModelName("deepseek-v3", "deepseek-ai/DeepSeek-V3", "fp8"), "fp8-block", "deepseek-ai/DeepSeek-V3"),
        (ModelName("my model"), "bf16", "'./my model'"),
    ],
)
def test_a_repository_is_named_only_for_what_is_in_it(named: ModelName, form: str, name: str) -> None:
    assert vllm_serve(subject(form), asked(form), named) == f"vllm serve {name} --max-model-len 8192"


def test_caches_that_vllm_does_not_keep_have_no_line() -> None:
    for kv, kv_v in (("q8_0", ""), ("int8", ""), ("fp32", ""), ("fp8", "fp16")):
        assert vllm_serve(subject("bf16"), asked("bf16", kv, kv_v), NAMED) is None
    assert flags("fp32", kv="fp32")["--dtype"] == "float32"
    assert flags("fp32", kv="fp16")["--kv-cache-dtype"] == "float16"


def test_a_gguf_file_has_no_line() -> None:
    assert vllm_serve(subject("q4_k_m"), asked("q4_k_m"), NAMED) is None

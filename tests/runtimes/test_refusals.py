"""What a runtime does not run, a device, a quant, a model: said, never answered."""

from __future__ import annotations

import re

import pytest

from llmscale import estimate, fits, needs
from llmscale.devices.sets import device_set
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.catalogue import quant
from llmscale.runtimes.interface import Reads, Runs, RuntimeInfo
from llmscale.runtimes.refusals import refusal, refuse_lacking, refuse_unread, unmodelled
from llmscale.runtimes.registry import NAMES, info
from llmscale.runtimes.registry import runtime as made
from llmscale.store.tables import table
from tests.helpers import REPOSITORY, run, said

ENTRIES = table("devices")["entries"]


def test_each_vendor_of_a_runtime_makes_a_device() -> None:
    made = {entry["vendor"] for entry in ENTRIES.values()}
    assert {vendor for name in NAMES for vendor in info(name).vendors} <= made


@pytest.mark.parametrize(
    ("runtime", "device", "named"),
    [
        ("vllm", "m4-max", "m4-max"),
        ("sglang", "m4-max", "m4-max"),
        ("lmdeploy", "mi300x", "mi300x"),
        ("tensorrt-llm", "mi300x", "mi300x"),
        ("ktransformers", "mi300x", "mi300x"),
        ("mlx", "rtx4090", "rtx4090"),
        ("exllama", "m4-max", "m4-max"),
        ("llama.cpp", "tpu-v5e", "tpu-v5e"),
        ("llama.cpp", "gaudi2", "gaudi2"),
        ("vllm", "rtx4090 + m4-max", "m4-max"),
    ],
)
def test_a_device_that_is_not_modelled_is_said_so(runtime: str, device: str, named: str) -> None:
    told = unmodelled(made(runtime), device_set(device))
    assert told is not None
    assert told.code == "device_not_modelled"
    assert told.values == {"runtime": runtime, "device": named, "vendors": list(info(runtime).vendors)}
    assert f"{runtime} on {named} is not modelled" in refusal(told).message


@pytest.mark.parametrize("runtime", NAMES)
def test_a_bare_size_may_be_of_anybodys(runtime: str) -> None:
    assert unmodelled(made(runtime), device_set("24GiB")) is None


@pytest.mark.parametrize(
    ("reads", "runs"),
    [
        (Reads.ANY, {"q4_k_m", "awq", "exl2-4.0bpw", "mlx-4bit", "int4"}),
        (Reads.OPEN, {"awq", "int4"}),
        (Reads.NAMED, {"awq"}),
    ],
)
def test_quants_that_a_runtime_does_not_read_are_refused(reads: Reads, runs: set[str]) -> None:
    reader = RuntimeInfo("vllm", "Reader", "nowhere", reads=reads)
    for name in ("q4_k_m", "awq", "exl2-4.0bpw", "mlx-4bit", "int4"):
        if name in runs:
            refuse_unread(reader, quant(name))
            continue
        with pytest.raises(UnsupportedModelError, match="Reader does not run"):
            refuse_unread(reader, quant(name))


def test_models_that_a_runtime_has_no_code_for_are_refused() -> None:
    lacks = RuntimeInfo("some", "Some", "nowhere", runs=Runs(lacks=frozenset({"llama"})))
    only = RuntimeInfo("some", "Some", "nowhere", runs=Runs(only=frozenset({"llama"})))
    refuse_lacking(lacks, "gpt2", "GPT-2")
    refuse_lacking(only, "llama", "Llama")
    refuse_lacking(only, "", "7B")
    for one, family in ((lacks, "llama"), (only, "gpt2")):
        with pytest.raises(UnsupportedModelError, match=f"Some has no code for It .model_type {family}."):
            refuse_lacking(one, family, "It")


@pytest.mark.parametrize("server", ["vllm", "sglang"])
def test_servers_refuse_recurrent_models_that_they_have_no_code_of_their_own_for(server: str) -> None:
    told = run("estimate", str(REPOSITORY / "tests/oracle/configs/lfm3-defaults.json"), "--runtime", server)
    assert told.status != 0
    assert "has no code for lfm3-defaults.json (model_type lfm3)" in told.err


def test_an_estimate_keeps_the_memory_and_leaves_the_device_out() -> None:
    answer = estimate("llama-3.1-8b", ["q4_k_m", "awq"], gpus=["m4-max"])
    ours, foreign = answer.estimates
    assert [device.id for device in ours.devices] == ["m4-max"]
    assert foreign.devices == ()
    assert foreign.weights_bytes > 0
    assert any(sentence.startswith("vllm on m4-max is not modelled") for sentence in said(answer))
    assert not any("a general rule stands for it" in sentence for sentence in said(answer))


def test_nothing_is_answered_where_nothing_is_modelled() -> None:
    with pytest.raises(UsageError, match="vllm on m4-max is not modelled"):
        estimate("llama-3.1-8b", ["awq"], gpus=["m4-max"])
    with pytest.raises(UsageError, match=r"llama\.cpp on tpu-v5e is not modelled"):
        fits("tpu-v5e")
    with pytest.raises(UsageError, match="vllm on m4-max is not modelled"):
        fits("m4-max", ["llama-3.1-8b"], runtime="vllm")


def test_needs_names_only_devices_that_the_runtime_is_modelled_on() -> None:
    answer = needs("llama-3.1-8b", runtime="vllm", quants=["awq"], everything=True)
    vendors = {ENTRIES[re.split("[ :]", device.id)[0]]["vendor"] for device in answer.devices}
    assert {"NVIDIA", "AMD"} <= vendors <= set(info("vllm").vendors)
    assert not any(device.id.startswith("gaudi") for device in answer.devices)

"""What somebody was told who asked for the first time, and that was not so or not all of it, each through the
command line."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.helpers import run


def test_what_llama_cpp_cannot_load_is_asked_of_a_server() -> None:
    """Laguna XS 2.1 would need two cards in 16 bits, since bitsandbytes leaves its experts as they are."""
    rows = run("needs", "laguna-xs-2.1", "-o", "json").json()["devices"]
    assert (rows[0]["quant"], rows[0]["runtime"]) == ("awq", "vllm")
    assert rows[0]["memory_bytes"] <= 24 << 30
    fits = run("fits", "rtx4090", "laguna-xs-2.1", "-o", "json").json()
    assert fits["models"][0]["runtime"] == "vllm"
    alone = run("fits", "rtx4090", "laguna-xs-2.1", "--runtime", "vllm", "-o", "json").json()
    assert fits["models"][0]["used_bytes"] == alone["models"][0]["used_bytes"]
    assert {"fp16", "nf4"} <= {choice["quant"] for choice in fits["choices"]}


def test_a_published_quant_is_offered_by_the_runtime_that_loads_it() -> None:
    """Kimi K2.5 is published in four bits: eight H200 hold it, by ``fits`` as by ``estimate``."""
    asked = ("kimi-k2.5", "-o", "json")
    fits = run("fits", "8x h200", "--runtime", "vllm", *asked).json()["models"][0]
    placed = run("estimate", *asked, "--gpu", "8x h200", "--runtime", "vllm").json()["estimates"][0]
    assert (fits["quant"], fits["runtime"]) == (placed["quant"], placed["runtime"]) == ("w4a16-g32-experts", "vllm")
    assert fits["used_bytes"] == placed["devices"][0]["used_bytes"]


def test_where_no_server_is_modelled_the_published_files_still_run() -> None:
    assert run("fits", "m3-max 96GB", "muse-glimmer-30b", "-o", "json").json()["models"][0]["runtime"] == "transformers"


def test_models_that_fit_nowhere_stand_in_the_order_of_what_they_are_shown_to_lack() -> None:
    models = run("fits", "12GB", "--runtime", "vllm", "--all", "-o", "json").json()["models"]
    lacking = [model["missing_bytes"] for model in models if not model["fits"]]
    assert lacking == sorted(lacking)
    assert len(lacking) > 10


def test_needs_goes_on_to_more_devices_where_two_are_too_few() -> None:
    many = run("needs", "deepseek-v4-pro", "-o", "json").json()["devices"]
    assert {row["count"] for row in many} <= {4, 8}  # a server divides by powers of two
    assert many
    assert "--max-count" in run("needs", "deepseek-v4-pro", "--max-count", "2").out


def test_needs_names_what_is_smaller_but_of_another_kind() -> None:
    answer = run("needs", "gpt-oss-120b").out
    assert "2x rtx5090" in answer
    told = re.search(r"Of other kinds (\S+) is enough \((\w+), (\d+) GiB\)", answer)
    assert told
    everything = run("needs", "gpt-oss-120b", "--all", "-o", "json").json()["devices"]
    assert told[1] == everything[0]["id"]
    assert told[2] != "consumer"
    assert "Of other kinds" not in run("needs", "gpt-oss-120b", "--all").out
    assert "其他类别" in run("needs", "gpt-oss-120b", "--lang", "zh").out


def test_of_devices_that_hold_it_together_the_one_that_does_not_is_told() -> None:
    asked = ("estimate", "llama-3.3-70b", "-q", "q4_k_m", "--gpu", "2x rtx4090", "-ts", "3,1")
    line = run(*asked).out.splitlines()[0]
    assert "too much" not in line
    own, full = (float(told) for told in re.findall(r"has ([\d.]+) and would hold ~([\d.]+\d)", line)[0])
    assert full > own
    fullest = min(run(*asked, "-o", "json").json()["estimates"][0]["devices"][0]["per_device"], key=_free)
    assert f"{fullest['used_bytes'] / 2**30:.2f}" == f"{full:.2f}"
    assert "其中一张" in run(*asked, "--lang", "zh").out


def _free(usage: dict[str, int]) -> int:
    return usage["free_bytes"]


@pytest.mark.parametrize(
    ("typed", "models"),
    [
        ("gemma 4", {"gemma-4-e2b", "gemma-4-e4b", "gemma-4-12b", "gemma-4-26b-a4b", "gemma-4-31b"}),
        ("mistral-small", {"mistral-small-22b", "mistral-small-24b", "mistral-small-3.1", "mistral-small-3.2"}),
        ("llama3.1", {"llama-3.1-8b", "llama-3.1-70b", "llama-3.1-405b"}),
    ],
)
def test_a_name_that_several_have_names_them_all(typed: str, models: set[str]) -> None:
    told = run("estimate", typed).err
    listed = set(re.findall(r"^  (\S+)", told, re.MULTILINE))
    assert models <= listed
    assert f"any of {len(listed)} models" in told


def test_a_model_whose_gguf_files_are_not_known_is_not_said_to_have_none() -> None:
    told = run("estimate", "laguna-xs-2.1", "--file-size", "17.1GB")
    assert told.status
    assert "not known here" in told.err
    assert "GGUF files" in run("models", "show", "laguna-xs-2.1").out


def test_what_tokens_cost_is_said_of_all_the_devices() -> None:
    assert "on 2x h100:" in run("serve-cost", "llama-3.3-70b", "--gpu", "2x h100", "-q", "fp8").out.splitlines()[0]
    assert "on h100:" in run("serve-cost", "llama-3.1-8b", "--gpu", "h100").out.splitlines()[0]


def test_a_sentence_on_one_of_several_models_says_which() -> None:
    told = run("compare", "gpt-oss-120b", "qwen3.5-122b-a10b", "glm-4.5-air").out
    assert "Qwen3.5-122B-A10B: The published checkpoint also holds" in told
    assert "GLM-4.5-Air: The published checkpoint also holds" in told
    assert "GLM-4.5-Air:发布的检查点" in run("compare", "gpt-oss-120b", "glm-4.5-air", "--lang", "zh").out


def test_the_total_of_a_step_is_not_headed_as_the_sum_of_its_row() -> None:
    told = run("explain", "lora").out
    assert "Most in any step" in told
    assert "Total" not in told
    assert "Total" in run("explain", "vram").out or "Used" in run("explain", "vram").out


LOG = """\
INFO 11-20 10:00:01 [utils.py:253] non-default args: {'model': 'Qwen/Qwen3-32B-AWQ', 'max_model_len': 40960}
INFO 11-20 10:00:11 [gpu_model_runner.py:3300] Model loading took 18.14 GiB and 6.1 seconds
ValueError: To serve at least one request with the models's max seq len (40960), (10.00 GiB KV cache is needed, which \
is larger than the available KV cache memory (1.42 GiB). Based on the available memory, the estimated maximum model \
length is 5808. Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.
"""


@pytest.mark.parametrize("gpu", [(), ("--gpu", "rtx4090")])
def test_what_a_log_says_of_what_fits_goes_before_the_estimate(tmp_path: Path, gpu: tuple[str, ...]) -> None:
    log = tmp_path / "vllm.log"
    log.write_text(LOG, "utf8")
    assert run("log", str(log), *gpu, "-o", "json").json()["trouble"]["max_context"] == 5808
    log.write_text(LOG.replace("the estimated maximum model length is 5808", ""), "utf8")
    found = run("log", str(log), *gpu, "-o", "json").json()["trouble"]["max_context"]
    assert (found is None) if not gpu else found > 5808


def test_a_server_that_is_not_installed_is_told_before_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    told = run("web")
    assert told.status
    assert "llmscale[web]" in told.err
    assert "http" not in told.err
    assert "defect" not in told.err


@pytest.mark.parametrize("named", ["laptop", "Intel UHD 620", "MX450"])
def test_a_device_that_nobody_knows_may_be_said_by_its_memory(named: str) -> None:
    told = run("fits", named)
    assert told.status
    assert "Its memory will do: 8GB; without a card: cpu" in told.err
    assert "没有显卡:cpu" in run("fits", named, "--lang", "zh").err
    for instead in ("8GB", "cpu"):
        assert not run("fits", instead, "--limit", "1").status


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        (("estimate",), "llmscale estimate"),
        (("quants", "--model", "gpt-oss-20b", "--nonsense"), "llmscale quants"),
        (("models", "list", "--nonsense"), "llmscale models list"),
        (("nonsense-of-mine",), "llmscale"),
    ],
)
def test_the_help_that_is_named_is_of_the_command_that_was_typed(typed: tuple[str, ...], command: str) -> None:
    assert f"See {command} --help." in run(*typed).err
    assert f"见 {command} --help" in run(*typed, "--lang", "zh").err or command == "llmscale"
    assert run(*command.split()[1:], "--help").out


def test_a_model_whose_activations_are_not_modelled_is_not_said_to_have_been_tried() -> None:
    told = run("train", "qwen3.5-9b", "--gpu", "rtx4090").out.splitlines()[0]
    assert "LoRA among them, are not judged" in told
    assert "Nothing that is tried" not in told
    assert "Nothing that is tried" in run("train", "llama-3.1-70b", "--gpu", "12GB", "--method", "lora").out
    assert "尚未建模" in run("train", "qwen3.5-9b", "--gpu", "rtx4090", "--lang", "zh").out.splitlines()[0]


def test_where_peft_has_no_targets_of_its_own_all_linear_layers_are_tried() -> None:
    ways = run("train", "gpt-oss-20b", "--gpu", "h100", "-o", "json").json()["fit"]["methods"]
    lora = [way for way in ways if "--method lora" in way["flags"]]
    assert lora
    assert all("--lora-targets all-linear" in way["flags"] for way in lora)
    flags = lora[0]["flags"].split()
    again = run("train", "gpt-oss-20b", "--gpu", "h100", *flags, "-o", "json").json()["fit"]
    assert again["used_bytes"] == lora[0]["used_bytes"]
    plain = run("train", "llama-3.1-8b", "--gpu", "24GB", "-o", "json").json()["fit"]["methods"]
    assert not any("--lora-targets" in way["flags"] for way in plain)


def test_the_parts_of_a_step_say_of_which_method_they_are() -> None:
    assert "24gb, full: 23.50 GiB" in run("train", "llama-3.1-8b", "--gpu", "24GB").out
    assert "24gb, qlora r8: 23.50 GiB" in run("train", "llama-3.1-8b", "--gpu", "24GB", "--method", "qlora").out

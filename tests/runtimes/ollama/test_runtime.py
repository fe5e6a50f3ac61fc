"""Ollama: its choices against its rules and public logs, and llama-server's figures under its settings."""

from __future__ import annotations

import shlex
from math import inf
from typing import Any

import pytest

from llmscale.answers.estimate import estimate
from llmscale.answers.fits import fits
from llmscale.answers.results.estimate import DeviceFit
from llmscale.answers.results.fits import FitsResult
from llmscale.devices.sets import device_set
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.formats.catalogue import number_format
from llmscale.runtimes.interface import ModelName, Workload
from llmscale.runtimes.llama_cpp.summary import memory
from llmscale.runtimes.ollama.launch import ollama_run
from llmscale.runtimes.ollama.placement import context_on, predicted
from llmscale.runtimes.ollama.rules import MARGIN, alone, batch_size, default_context
from llmscale.runtimes.ollama.runtime import runtime
from llmscale.runtimes.placed import CACHE, COMPUTE, UNKNOWN, WEIGHTS, Off
from llmscale.runtimes.releases import newest
from llmscale.units import GIB, MIB
from tests.helpers import good
from tests.runtimes.llama_cpp.test_placement import part as held_of
from tests.runtimes.llama_cpp.test_summary import pair
from tests.runtimes.ollama.rows import CONTEXTS, GB, ROWS, held, printed, size, subject


@pytest.mark.parametrize("row", CONTEXTS, ids=lambda row: f"{row['total_vram_gib']}")
def test_the_context_that_logs_say_it_takes(row: dict[str, Any]) -> None:
    assert default_context(int(row["total_vram_gib"] * GIB)) == row["context"]


@pytest.mark.parametrize("row", [row for row in ROWS if row.get("size")], ids=lambda row: f"{row['context']}")
def test_the_sizes_that_it_prints(row: dict[str, Any]) -> None:
    low, high = printed(row)
    assert low * 0.99 <= size(row) / GB <= high * 1.01


def test_the_buffers_of_a_published_log() -> None:
    row = next(row for row in ROWS if row.get("model_mib") and row["model"] == "qwen2.5:7b-instruct")
    assert [round(held(row, kind) / MIB) for kind in (WEIGHTS, CACHE, COMPUTE)] == [4168, 224, 136]


@pytest.mark.parametrize(("context", "tokens"), [(4096, 512), (4097, 1024), (32_768, 1024), (32_769, 2048)])
def test_longer_contexts_take_larger_batches(context: int, tokens: int) -> None:
    assert batch_size(context) == tokens
    assert batch_size(context, predicted=4 * GIB, free=80 * GIB) == tokens


def test_batches_shrink_where_memory_is_short() -> None:
    """2,048 tokens want 60 % of the memory and 2 GiB of the rest up to 80 %; 1,024 want 75 % and 768 MiB."""
    assert batch_size(65_536, predicted=60 * GIB, free=100 * GIB) == 2048
    assert batch_size(65_536, predicted=61 * GIB, free=100 * GIB) == 1024
    assert batch_size(65_536, predicted=6 * GIB, free=int(9.9 * GIB)) == 1024
    assert batch_size(65_536, predicted=76 * GIB, free=100 * GIB) == 512
    assert batch_size(8192, predicted=7 * GIB, free=int(9.5 * GIB)) == 512
    # Of ten GiB eight are sure: six and two more are just enough, and six are 60 %.
    assert batch_size(65_536, predicted=6 * GIB, free=10 * GIB) == 2048
    assert batch_size(65_536, predicted=6 * GIB + 1, free=10 * GIB) == 1024
    assert batch_size(8192, predicted=8 * GIB - 768 * MIB, free=10 * GIB) == 1024
    assert batch_size(8192, predicted=8 * GIB - 768 * MIB + 1, free=10 * GIB) == 512


def test_one_of_several_cards_where_it_surely_fits() -> None:
    assert alone(8 * GIB, (8 * GIB, 10 * GIB)) == 1
    assert alone(8 * GIB + 1, (8 * GIB, 10 * GIB)) is None
    assert alone(GIB, (10 * GIB,)) is None


def test_what_it_reckons_before_it_starts() -> None:
    """Llama 3.1 8B: the file, and 32 layers x 8 heads x 128 elements of K and of V in 16 bits a token."""
    (line,) = estimate("llama-3.1-8b", ["q4_k_m"]).estimates
    assert line.file_bytes is not None
    assert predicted(subject("llama-3.1-8b", "q4_k_m")).bytes(1000) == line.file_bytes + 1000 * 2 * 32 * 8 * 128 * 2


def answer(*gpus: str, name: str = "llama-3.1-8b", quant: str = "q4_k_m", **options: Any) -> DeviceFit:
    (line,) = estimate(name, [quant], runtime="ollama", gpus=gpus, **options).estimates
    return line.devices[0]


@pytest.mark.parametrize(
    ("gpus", "context"),
    [
        ((), 4096),
        (("rtx3060",), 4096),
        (("m1-pro",), 4096),  # of 32 GiB the GPU may have less than 23
        (("rtx4090",), 32_768),
        (("2x rtx4090",), 131_072),
        (("h100", "rtx4090"), 32_768),
    ],
)
def test_a_context_that_nobody_names(gpus: tuple[str, ...], context: int) -> None:
    """Of 47 GiB and more Ollama takes 262,144, and no more than the model was trained with."""
    assert estimate("llama-3.1-8b", ["q4_k_m"], runtime="ollama", gpus=gpus).context == context


def test_unlike_cards_count_together() -> None:
    assert context_on([device_set("rtx3060 + rtx3060"), device_set("rtx3060 + rtx4070")]) == 32_768


@pytest.mark.parametrize(("gpus", "number"), [("2x rtx4090", 0), ("rtx3060 + rtx4090", 1)])
def test_what_one_of_several_cards_surely_holds_goes_there_alone(gpus: str, number: int) -> None:
    cards = answer(gpus, context=4096).per_device
    (alone_,) = answer("rtx4090", context=4096).per_device
    assert cards[number] == alone_
    assert cards[1 - number].used_bytes == 0


def test_all_requests_together_decide_whether_one_card_is_enough() -> None:
    """A GiB of cache each, and as wide a batch of tokens as the context of all of them says."""
    eight, many = (answer("2x rtx4090", context=8192, batch=requests) for requests in (8, 32))
    assert [card.used_bytes > 0 for card in eight.per_device] == [True, False]
    assert [card.used_bytes > 0 for card in many.per_device] == [True, True]
    few, all_ = (answer("rtx4090", context=1024, batch=requests).per_device[0].parts for requests in (4, 5))
    assert all_["compute"] > 1.9 * few["compute"]


def test_the_figures_are_llama_servers() -> None:
    """The same buffers as llama.cpp with the batch that Ollama chooses."""
    ours = estimate("llama-3.1-8b", ["q4_k_m"], runtime="ollama", context=16_384).estimates[0]
    theirs = estimate("llama-3.1-8b", ["q4_k_m"], context=16_384, options={"ubatch": 1024}).estimates[0]
    assert (ours.kv_cache_bytes, ours.compute_bytes) == (theirs.kv_cache_bytes, theirs.compute_bytes)


def test_a_gibibyte_stays_free() -> None:
    """What llama.cpp fits to the last byte, Ollama does not put wholly on the card."""
    (theirs,) = estimate("llama-3.1-8b", ["q8_0"], gpus=["rtx4090"], context=8192).estimates[0].devices
    ours = answer("rtx4090", quant="q8_0", context=8192, options={"ubatch": 512})
    assert theirs.headroom_bytes - ours.headroom_bytes == MARGIN
    longest = answer("rtx4090", quant="q8_0", context=ours.max_context)
    assert longest.fits
    assert not answer("rtx4090", quant="q8_0", context=(ours.max_context or 0) + 2048).fits


def test_a_context_beyond_the_models_own_is_cut() -> None:
    whole, beyond = (
        estimate("qwen2.5-7b", ["q4_k_m"], runtime="ollama", context=n).estimates[0] for n in (131_072, 200_000)
    )
    assert beyond.kv_cache_bytes <= whole.kv_cache_bytes


def test_what_it_does_not_do() -> None:
    with pytest.raises(UnsupportedModelError, match="Ollama does not run AWQ"):
        answer(quant="awq")
    with pytest.raises(UsageError, match="one request at a time"):
        answer(name="qwen3-next-80b-a3b", batch=2)
    assert answer("h200", name="qwen3-next-80b-a3b", batch=1).fits
    with pytest.raises(UsageError, match="same format"):
        answer(kv_dtype="k=q8_0,v=f16")
    with pytest.raises(UsageError, match="quantized V cache requires flash_attn"):
        answer(kv_dtype="q8_0", options={"flash_attn": False})


@pytest.mark.parametrize(("batch", "server"), [(1, ""), (2, "OLLAMA_NUM_PARALLEL=2 ollama serve")])
def test_the_server_is_told_of_two_requests_and_not_of_one(batch: int, server: str) -> None:
    work = Workload(8192, batch, number_format("fp16"), 2)
    line = ollama_run(subject("llama-3.1-8b", "q4_k_m"), work, ModelName("llama-3.1-8b"))
    assert line.rpartition(" & ")[0] == server


def test_the_line_that_starts_it() -> None:
    work = Workload(8192, 4, number_format("q8_0"), 2, None, (("ubatch", 256), ("gpu_layers", "20")))
    line = ollama_run(subject("llama-3.1-8b", "q4_k_m"), work, ModelName("llama-3.1-8b"))
    server, _, made = line.partition(" & ")
    assert server == "OLLAMA_NUM_PARALLEL=4 OLLAMA_KV_CACHE_TYPE=q8_0 ollama serve"
    words = shlex.split(made)
    assert words[:2] == [
        "printf",
        "FROM ./llama-3.1-8b-Q4_K_M.gguf\\nPARAMETER num_ctx 8192\\nPARAMETER num_batch 256\\nPARAMETER num_gpu 20\\n",
    ]
    assert words[2:] == [
        ">",
        "Modelfile",
        "&&",
        "ollama",
        "create",
        "llama-3.1-8b-q4_k_m",
        "&&",
        "ollama",
        "run",
        "llama-3.1-8b-q4_k_m",
    ]
    plain = ollama_run(
        subject("llama-3.1-8b", "q4_k_m"), work._replace(batch=1, kv=number_format("fp16")), ModelName("llama-3.1-8b")
    )
    assert plain.startswith("printf ")


def test_where_it_takes_a_model_from() -> None:
    """Its library has Q4_K_M, the hub any of its files; what keeps published tensors is a file of one's own."""
    named = ModelName("llama-3.1-8b", gguf="bartowski/Llama-3.1-8B-GGUF", ollama="llama3.1:8b")
    work = Workload(8192, 1, number_format("fp16"), 2)

    def source(form: str, called: ModelName = named, model: str = "llama-3.1-8b") -> str:
        line = ollama_run(subject(model, form), work, called)
        return line.partition("FROM ")[2].partition("\\n")[0]

    assert source("q4_k_m") == "llama3.1:8b"
    assert source("q8_0") == "hf.co/bartowski/Llama-3.1-8B-GGUF:Q8_0"
    assert source("gguf-bf16") == "hf.co/bartowski/Llama-3.1-8B-GGUF:BF16"
    assert source("q8_0", ModelName("llama-3.1-8b", ollama="llama3.1:8b")) == "./llama-3.1-8b-Q8_0.gguf"
    kept = ModelName("gpt-oss-20b", gguf="somebody/gpt-oss")
    assert source("mxfp4_moe", kept, "gpt-oss-20b").startswith(("./gpt-oss-20b", "hf.co/somebody/gpt-oss"))


@pytest.mark.parametrize(("flash", "told"), [(None, ""), (True, "=1 ollama serve"), (False, "=0 ollama serve")])
def test_flash_attention_is_told_to_the_server(flash: bool | None, told: str) -> None:
    work = Workload(8192, 1, number_format("fp16"), 2).with_options(flash_attn=flash)
    line = ollama_run(subject("llama-3.1-8b", "q4_k_m"), work, ModelName("llama-3.1-8b"))
    server = line.partition(" & ")[0] if " & " in line.split("&&")[0] else ""
    assert server == (f"OLLAMA_FLASH_ATTENTION{told}" if told else "")


def test_fits_takes_the_quants_that_it_reads() -> None:
    result = fits("rtx4090", ["llama-3.1-8b"], runtime="ollama", command=True)
    assert isinstance(result, FitsResult)
    (shown,) = result.models
    assert shown.fits
    assert shown.command_line is not None
    assert "ollama run" in shown.command_line


def test_the_release_is_named() -> None:
    assert f"ollama {newest('ollama')}" in good("estimate", "llama-3.1-8b", "--runtime", "ollama").out


def test_a_vision_tower_is_loaded_without_being_asked_for() -> None:
    seeing, plain = answer("rtx4090", name="gemma-3-12b"), answer("rtx4090", name="llama-3.1-8b")
    assert seeing.per_device[0].parts["mmproj"] > 800 * MIB
    assert "mmproj" not in plain.per_device[0].parts


def test_what_is_screened_has_its_batch_and_its_margin() -> None:
    """Of a context of 65,536 Ollama takes batches of 2,048, whose buffer is no more than four times that of 512."""
    it, (_, compiled), devices = runtime("0.33.0-rc2"), pair("qwen3-0.6b"), device_set("rtx4090 + rtx3060-12gb")
    work = Workload(65_536, 1, number_format("fp16"), 2)
    usual, found = memory(compiled, work), it.screen(compiled, work, devices)
    assert [usage.budget for usage in found.devices] == [budget - MARGIN for budget in devices.budgets]
    assert {held_of(usage, COMPUTE) for usage in found.devices} == {4 * usual.compute.value}
    short = it.screen(compiled, work._replace(context=4096), devices)
    assert {held_of(usage, COMPUTE) for usage in short.devices} == {
        memory(compiled, work._replace(context=4096)).compute.value
    }
    named = it.screen(compiled, work.with_options(ubatch=1024), devices)
    assert {held_of(usage, COMPUTE) for usage in named.devices} == {2 * usual.compute.value}


def test_how_far_off_a_screening_may_be() -> None:
    """Of several devices it may all lie on one; beside it a tower may take more than the rest."""
    it, (_, compiled), work = runtime("0.33.0-rc2"), pair("qwen3-0.6b"), Workload(8192, 1, number_format("fp16"), 2)
    assert it.screen_error(compiled, work, device_set("rtx4090")) == Off(0.25, 0.25)
    assert it.screen_error(compiled._replace(text=False), work, device_set("rtx4090")) == Off(0.25, inf)
    assert it.screen_error(compiled, work, device_set("2x rtx4090")) == Off(1.0, 1.0)
    assert it.screen_error(compiled, work.with_options(gpu_layers="10"), device_set("rtx4090")) == UNKNOWN


def test_a_list_of_models_with_towers_has_the_best_quant_that_fits_beside_them() -> None:
    """By what was compiled Q6_K of a Qwen2.5-VL 3B fits; its tower takes 1.9 GiB more."""
    listed = good("fits", "6GiB", "--runtime", "ollama", "--for", "vision", "--limit", "60", "-o", "json").json()
    (row,) = [line for line in listed["models"] if line["id"] == "nanonets-ocr2-3b"]
    (alone,) = good("fits", "6GiB", "nanonets-ocr2-3b", "--runtime", "ollama", "-o", "json").json()["models"]
    assert (row["fits"], row["quant"], row["used_bytes"]) == (True, alone["quant"], alone["used_bytes"])
    verdicts = [line["fits"] for line in listed["models"]]
    assert verdicts == sorted(verdicts, reverse=True)

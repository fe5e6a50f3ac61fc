"""What Ollama's log says of its own, in the form in which its source prints it; the engine's lines are llama.cpp's."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.runtimes.logged import Logged, LoggedDevice, Term
from llmscale.runtimes.ollama.log import read
from llmscale.runtimes.placed import CACHE, COMPUTE, WEIGHTS
from llmscale.units import GIB, MIB

LINE = "time=2026-05-05T01:28:40.211+08:00 level=INFO source={}\n"
SUM = LINE.format('device.go:240 msg="{}" device={} size="{} GiB"')
TENTH = round(GIB / 10)


def weights(device: str = "CUDA0", gib: str = "4.1") -> str:
    return SUM.format("model weights", device, gib)


def told(*lines: str) -> Logged:
    found = read("".join(lines))
    assert found is not None
    return found


def test_sums_are_the_last_of_each_kind_on_each_device() -> None:
    found = told(
        weights(gib="9.9"),
        weights(),
        weights("CUDA1", "2.5"),
        weights("CPU", "0.0"),
        SUM.format("kv cache", "CUDA0", "1.8"),
        SUM.format("compute graph", "CPU", "0.3"),
    )
    assert found.runtime == "ollama"
    assert found.terms == (
        Term(WEIGHTS, 0, round(4.1 * GIB), TENTH),
        Term(WEIGHTS, 1, round(2.5 * GIB), TENTH),
        Term(CACHE, 0, round(1.8 * GIB), TENTH),
        Term(COMPUTE, None, round(0.3 * GIB), TENTH),
    )


def test_lines_of_the_engine_go_before_sums_of_the_same_kind() -> None:
    engine = "load_tensors:        CUDA0 model buffer size =  4168.09 MiB\n"
    found = told(weights(), SUM.format("kv cache", "CUDA0", "1.8"), engine)
    assert [(one.kind, one.bytes) for one in found.terms] == [
        (WEIGHTS, round(4168.09 * MIB)),
        (CACHE, round(1.8 * GIB)),
    ]


@pytest.mark.parametrize(
    ("line", "release"),
    [('msg="Listening on 127.0.0.1:11434 (version 0.20.2)"', "0.20.2"), ('msg="Listening on [::]:11434"', "")],
)
def test_releases(line: str, release: str) -> None:
    assert told(LINE.format(f"routes.go:1802 {line}"), weights()).release == release


@pytest.mark.parametrize(
    ("line", "context", "batch"),
    [
        ("Parallel:1 BatchSize:512 KvSize:32768", 32768, 1),
        ("Parallel:4 KvSize:16384", 16384, 4),
        ('cmd="llama-server --ctx-size 8192 --batch-size 512 --parallel 2"', 8192, 2),
        ("nothing", None, 1),
    ],
)
def test_context_and_requests(line: str, context: int | None, batch: int) -> None:
    found = told(LINE.format(f"runner.go:895 {line}"), weights())
    assert (found.context, found.batch) == (context, batch)


@pytest.mark.parametrize(("said", "kv"), [("q8_0", "q8_0"), ("f16", ""), ("", "")])
def test_what_the_cache_is_in(said: str, kv: str) -> None:
    assert told(LINE.format(f"runner.go:895 KvSize:4096 KvCacheType:{said} NumThreads:6"), weights()).kv == kv


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("BatchSize:1024 FlashAttention:Auto", {"ubatch": 1024}),
        ("FlashAttention:Enabled", {"flash_attn": True}),
        ("FlashAttention:true", {"flash_attn": True}),
        ("FlashAttention:Disabled", {"flash_attn": False}),
        ("FlashAttention:false", {"flash_attn": False}),
        ("offloaded 29/29 layers to GPU", {}),
        ("offloaded 20/29 layers to GPU", {"gpu_layers": "20"}),
    ],
)
def test_options(line: str, options: dict[str, Any]) -> None:
    assert dict(told(LINE.format(f"runner.go:895 {line}"), weights()).options) == options


def test_the_model_and_its_type() -> None:
    kind = LINE.format('ggml.go:136 msg="" architecture=qwen2 file_type=Q4_K_M name=Mine')
    assert told(kind, weights()).quant == "q4_k_m"
    assert told(weights()).quant == ""
    engine = "print_info: file type   = Q8_0\nprint_info: general.name     = Mine\n"
    assert told(kind, engine, weights()).quant == "q8_0"
    name = "llama_model_loader: - kv   2:                               general.name str              = Mine 7B\n"
    assert told(name, weights()).models == ("Mine 7B",)


def test_each_card_once_with_all_of_its_memory() -> None:
    card = LINE.format(
        'types.go:42 msg="inference compute" id=GPU-{} library=CUDA compute=8.6 name=CUDA{} '
        'description="NVIDIA GeForce RTX {}" libdirs=ollama,cuda_v13 driver=13.2 total="{} GiB" available="10.7 GiB"'
    )
    first, second = card.format("a", 0, "3060", "12.0"), card.format("b", 1, "4090", "24.0")
    assert told(first, second, first, weights()).cards == (
        LoggedDevice("NVIDIA GeForce RTX 3060", 12 * GIB, True),
        LoggedDevice("NVIDIA GeForce RTX 4090", 24 * GIB, True),
    )
    using = "llama_model_load_from_file_impl: using device CUDA0 (NVIDIA GeForce RTX 3060) - 10958 MiB free\n"
    assert told(using, weights()).cards == (LoggedDevice("NVIDIA GeForce RTX 3060", 10958 * MIB),)


def test_memory_that_was_not_to_be_had_is_told_without_sums() -> None:
    lacks = (
        "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 512.00 MiB on device 0: cudaMalloc failed: out of "
        "memory\n"
    )
    found = told(LINE.format("server.go:1"), lacks)
    assert found.trouble is not None
    assert found.trouble.wanted == 512 * MIB


@pytest.mark.parametrize(
    "text",
    ["", "some other program\n", LINE.format("server.go:1"), "load_tensors: CUDA0 model buffer size = 1.0 MiB\n"],
)
def test_what_is_no_log_of_it(text: str) -> None:
    assert read(text) is None

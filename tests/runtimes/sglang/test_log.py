"""Every line of SGLang's start-up log that is read, in the form in which its source prints it, and what it tells."""

from __future__ import annotations

import pytest

from llmscale.runtimes.logged import LoggedDevice, Term, Trouble
from llmscale.runtimes.placed import CACHE, STATE, WEIGHTS
from llmscale.runtimes.sglang.log import read
from llmscale.runtimes.sglang.static import CONTEXT
from llmscale.units import GIB

#: Two decimals of a GB, which SGLang takes for 2^30 bytes.
DIGIT = round(GIB / 100)
ARGUMENTS = (
    "server_args=ServerArgs(model_path='/srv/models/Qwen/Qwen3-8B', quantization='fp8', context_length=8192, "
    "kv_cache_dtype='fp8_e4m3', tp_size=2, chunked_prefill_size=4096, max_running_requests=64, "
    "mem_fraction_static=0.85)\n"
)
BEGIN = "[2026-01-02 10:00:01 TP0] Load weight begin. avail mem=21.63 GB\n"
END = (
    "[2026-01-02 10:00:09 TP0] Load weight end. type=Qwen3ForCausalLM, dtype=torch.bfloat16, avail mem=6.09 GB, "
    "mem usage=15.54 GB.\n"
)
POOL = "[2026-01-02 10:00:09 TP0] KV Cache is allocated. #tokens: 46611, K size: 1.42 GB, V size: 1.31 GB\n"


def test_all_of_a_start() -> None:
    found = read(ARGUMENTS + BEGIN + END + POOL)
    assert found is not None
    assert found.runtime == "sglang"
    assert found.models == ("Qwen/Qwen3-8B", "Qwen3-8B")
    assert (found.quant, found.context, found.kv, found.tokens, found.trouble) == ("fp8", 8192, "fp8", 46611, None)
    assert found.options == {
        "tp": 2,
        "chunked_prefill_size": 4096,
        "max_running_requests": 64,
        "mem_fraction_static": 0.85,
    }
    # What was free before the weights, and what each rank had taken by then.
    assert found.cards == (LoggedDevice("", round(21.63 * GIB) + CONTEXT, True),) * 2
    assert found.terms == (
        Term(WEIGHTS, 0, round(15.54 * GIB), DIGIT),
        Term(CACHE, 0, round(1.42 * GIB) + round(1.31 * GIB), 2 * DIGIT),
    )


def test_older_releases_say_what_was_free_alone() -> None:
    older = END.replace(", mem usage=15.54 GB", "")
    found = read(BEGIN + older)
    assert found is not None
    assert found.terms == (Term(WEIGHTS, 0, round(21.63 * GIB) - round(6.09 * GIB), 2 * DIGIT),)
    # Of the end alone nothing is known.
    assert read(older) is None
    assert read(BEGIN) is None


def test_the_pools_of_latents_and_of_states() -> None:
    latent = "KV Cache is allocated. #tokens: 1024, KV size: 3.25 GB\n"
    states = "Mamba Cache is allocated. max_mamba_cache_size: 97, conv_state size: 0.25GB, ssm_state size: 6.50GB\n"
    found = read(END + latent + states)
    assert found is not None
    assert found.terms[1:] == (
        Term(CACHE, 0, round(3.25 * GIB), DIGIT),
        Term(STATE, 0, round(6.75 * GIB), 2 * DIGIT),
    )
    nothing = read(END + latent.replace("3.25", "0.00"))
    assert nothing is not None
    assert [one.kind for one in nothing.terms] == [WEIGHTS]


@pytest.mark.parametrize(
    ("said", "models"),
    [
        ("model_path='Qwen/Qwen3-8B'", ("Qwen/Qwen3-8B", "Qwen3-8B")),
        ("model_path='/srv/Qwen3-8B/'", ("srv/Qwen3-8B", "Qwen3-8B")),
        ("model_path='Qwen3-8B'", ("Qwen3-8B",)),
        ("model_path='/a/b/c', served_model_name='Qwen/Qwen3-8B'", ("Qwen/Qwen3-8B", "Qwen3-8B")),
        ("model_path='/a/b/c', served_model_name=None", ("b/c", "c")),
        ("--model-path Qwen/Qwen3-8B", ("Qwen/Qwen3-8B", "Qwen3-8B")),
        ("--model Qwen/Qwen3-8B", ("Qwen/Qwen3-8B", "Qwen3-8B")),
        ("nothing", ()),
    ],
)
def test_what_the_model_is_called(said: str, models: tuple[str, ...]) -> None:
    found = read(f"sglang.launch_server {said}\n{END}")
    assert found is not None
    assert found.models == models


@pytest.mark.parametrize(
    ("said", "dtype", "quant"),
    [
        ("quantization=None", "bfloat16", "bf16"),
        ("quantization='auto'", "float16", "fp16"),
        ("", "float32", "fp32"),
        ("", "int8", ""),
        ("quantization='awq'", "float16", "awq"),
        ("quantization='mxfp4'", "bfloat16", "mxfp4"),
        # Not in which of its formats.
        ("quantization='compressed-tensors'", "bfloat16", ""),
    ],
)
def test_what_the_weights_are_in(said: str, dtype: str, quant: str) -> None:
    found = read(f"ServerArgs({said})\n" + END.replace("bfloat16", dtype))
    assert found is not None
    assert found.quant == quant


@pytest.mark.parametrize(
    ("said", "options"),
    [
        ("tp_size=1", {}),
        ("tp_size=8", {"tp": 8}),
        ("--tp-size 4", {"tp": 4}),
        ("mem_fraction_static=None", {}),
        ("mem_fraction_static=.9", {"mem_fraction_static": 0.9}),
        ("mem_fraction_static=7.5", {}),
        ("max_running_requests=2049", {"max_running_requests": 2049}),
        ("max_running_requests=1", {"max_running_requests": 1}),
    ],
)
def test_options(said: str, options: dict[str, float]) -> None:
    found = read(f"{said}\n{END}")
    assert found is not None
    assert dict(found.options) == options
    assert found.kv == ""


def test_the_length_that_is_settled_goes_before_the_one_that_was_asked_for() -> None:
    settled = "max_total_num_tokens=46611, chunked_prefill_size=2048, context_len=131072\n"
    found = read(ARGUMENTS + END + settled)
    assert found is not None
    assert (found.context, found.tokens) == (131072, 46611)


def test_a_card_by_the_file_of_its_kernels() -> None:
    tuned = "Using configuration from E=128,N=384,device_name=NVIDIA_H100_80GB_HBM3.json for MoE layer.\n"
    found = read("--tensor-parallel-size 4\n" + END + tuned)
    assert found is not None
    assert found.cards == (LoggedDevice("NVIDIA H100 80GB HBM3", None, True),) * 4
    nameless = read(END)
    assert nameless is not None
    assert nameless.cards == ()


def test_what_was_not_to_be_had() -> None:
    small = "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.\n"
    lacks = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has a total capacity\n"
    for text, trouble in (
        (END + small, Trouble(CACHE)),
        (BEGIN + lacks, Trouble(WEIGHTS, 0, 3 * GIB // 2)),
        (BEGIN + END + lacks, Trouble(CACHE, 0, 3 * GIB // 2)),
    ):
        found = read(text)
        assert found is not None
        assert found.trouble == trouble


@pytest.mark.parametrize("text", ["", "a line of something else\n", "sglang is a server\n"])
def test_what_is_no_log_of_it(text: str) -> None:
    assert read(text) is None

"""Every line of vLLM's start-up log that is read, in the form in which its source prints it, and what it tells."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.runtimes.logged import Logged, LoggedDevice, Term, Trouble
from llmscale.runtimes.placed import CACHE, COMPUTE, OVERHEAD, WEIGHTS
from llmscale.runtimes.vllm.log import read
from llmscale.units import GIB

DIGIT = round(GIB / 100)
ENGINE = (
    "[core.py:76] Initializing a V1 LLM engine (v0.10.2) with config: model='Qwen/Qwen3-8B', dtype=torch.bfloat16, "
    "max_seq_len=8192, tensor_parallel_size=2, pipeline_parallel_size=3, quantization=None, kv_cache_dtype=fp8\n"
)
LOADED = "[gpu_model_runner.py:2392] Model loading took 14.0786 GiB and 10.247948 seconds\n"


def told(*lines: str) -> Logged:
    found = read("".join(lines))
    assert found is not None
    return found


def test_speculation_prefixes_and_experts_are_options() -> None:
    asked = (
        "non-default args: {'model_tag': '~/.cache/huggingface/qwen3.6-27b-autoround-int4', 'quantization': "
        "'auto_round', 'enable_prefix_caching': True, 'enable_expert_parallel': True, 'speculative_config': "
        "{'method': 'mtp', 'num_speculative_tokens': 3}}\n[kv_cache_utils.py:1733] GPU KV cache size: 622,408 tokens\n"
    )
    found = told(asked)
    assert found.options == {
        "ep": True,
        "prefix_caching": True,
        "speculative_config": '{"method": "mtp", "num_speculative_tokens": 3}',
    }
    assert (found.quant, found.tokens, found.terms) == ("autoround", 622_408, ())
    engine = (
        "[core.py:112] Initializing a V1 LLM engine (v0.22.0) with config: model='/data/a', "
        "speculative_config=SpeculativeConfig(method='{}', model='a', num_spec_tokens=2), enable_prefix_caching=False\n"
    )
    assert told(engine.format("mtp"), LOADED).options == {
        "prefix_caching": False,
        "speculative_config": '{"method": "mtp", "num_speculative_tokens": 2}',
    }
    # A draft of its own is not modelled.
    assert told(engine.format("dflash"), LOADED).options == {"prefix_caching": False}


@pytest.mark.parametrize(
    ("said", "quant"),
    [("modelopt_mixed", "nvfp4-fp8"), ("modelopt_fp4", "nvfp4"), ("deepseek_v4_fp8", "fp8-fp4-experts")],
)
def test_what_a_checkpoint_is_quantised_with(said: str, quant: str) -> None:
    assert told(f"config: quantization={said}, dtype=torch.bfloat16\n", LOADED).quant == quant


def test_graphs_alone_are_no_compute() -> None:
    line = "[gpu_model_runner.py:6588] Estimated CUDA graph memory: 0.61 GiB total\n"
    assert all(one.kind != COMPUTE for one in told(LOADED, line).terms)
    usage = "Actual usage is 27.72 GiB for weight, 1.4 GiB for peak activation\n"
    kinds = [one.kind for one in told(usage, line).terms]
    assert kinds == [WEIGHTS, COMPUTE, COMPUTE]
    assert told("max seq len (131072), No available memory for the cache blocks\n", LOADED).context == 131_072


def test_all_of_a_start() -> None:
    found = told(
        ENGINE,
        LOADED,
        "[gpu_worker.py:298] Available KV cache memory: 55.15 GiB\n",
        "[kv_cache_utils.py:864] GPU KV cache size: 451,744 tokens\n",
        "[gpu_worker.py:391] Free memory on device (78.66/79.19 GiB) on startup. Desired GPU memory utilization is "
        "(0.85, 71.27 GiB). Actual usage is 14.08 GiB for weight, 1.97 GiB for peak activation, 0.07 GiB for "
        "non-torch memory, and 0.67 GiB for CUDAGraph memory.\n",
    )
    assert (found.runtime, found.release, found.models) == ("vllm", "0.10.2", ("Qwen/Qwen3-8B",))
    assert (found.quant, found.context, found.kv, found.tokens) == ("bf16", 8192, "fp8", 451_744)
    assert found.options == {"tp": 2, "pp": 3, "gpu_memory_utilization": 0.85}
    # One for each of two times three ranks.
    assert found.cards == (LoggedDevice("", round(79.19 * GIB), True),) * 6
    assert found.terms == (
        Term(WEIGHTS, 0, round(14.0786 * GIB), round(GIB / 10_000)),
        Term(CACHE, 0, round(55.15 * GIB), DIGIT),
        Term(COMPUTE, 0, round(1.97 * GIB), DIGIT),
        Term(OVERHEAD, 0, round(0.07 * GIB), DIGIT),
    )
    assert found.trouble is None


@pytest.mark.parametrize(
    ("line", "kind", "gib"),
    [
        ("Loading model weights took 14.99 GiB", WEIGHTS, 14.99),
        ("model weights take 12.5GiB; non_torch_memory takes 0.0GiB", WEIGHTS, 12.5),
        ("the rest of the memory reserved for KV Cache is 5.63GiB.", CACHE, 5.63),
        ("PyTorch activation peak memory takes 1.23GiB", COMPUTE, 1.23),
        ("non_torch_memory takes 0.15GiB", OVERHEAD, 0.15),
    ],
)
def test_lines_of_older_engines(line: str, kind: str, gib: float) -> None:
    (one,) = told(f"INFO [worker.py:267] {line}\n").terms
    assert (one.kind, one.device, one.bytes) == (kind, 0, round(gib * GIB))


def test_the_last_of_lines_that_are_repeated_and_the_surer_of_two() -> None:
    again = LOADED.replace("14.0786", "7.5")
    older = "[worker.py:1] Loading model weights took 3.0 GiB\n"
    assert [one.bytes for one in told(LOADED, again, older).terms] == [round(7.5 * GIB)]


@pytest.mark.parametrize("line", ["0.67 GiB (estimated)", "Estimated CUDA graph memory: 0.67 GiB total"])
def test_graphs_that_are_counted_stand_beside_the_activations(line: str) -> None:
    found = told(LOADED, "PyTorch activation peak memory takes 1.23GiB\n", f"[gpu_model_runner.py:1] {line}\n")
    assert found.terms[1:] == (
        Term(COMPUTE, 0, round(1.23 * GIB), DIGIT),
        Term(COMPUTE, 0, round(0.67 * GIB), DIGIT),
    )


@pytest.mark.parametrize(
    ("line", "release"),
    [
        ("Initializing a V1 LLM engine (v0.19.0) with config", "0.19.0"),
        ("Initializing an LLM engine (v0.6.3.post1) with config", "0.6.3"),
        ("vLLM API server version 0.9.2", "0.9.2"),
        ("vLLM version v0.21.0rc1.dev3", "0.21.0rc1"),
        ("vLLM is here", ""),
    ],
)
def test_releases(line: str, release: str) -> None:
    assert told(line, "\n", LOADED).release == release


@pytest.mark.parametrize(
    ("line", "models"),
    [
        ("with config: model='Qwen/Qwen3-8B', tokenizer='other'", ("Qwen/Qwen3-8B",)),
        ("non-default args: {'model': 'Qwen/Qwen3-8B'}", ("Qwen/Qwen3-8B",)),
        ("non-default args: {'model_tag': 'Qwen/Qwen3-8B'}", ("Qwen/Qwen3-8B",)),
        ("vllm serve Qwen/Qwen3-8B --port 80", ("Qwen/Qwen3-8B",)),
        ("vllm serve --port 80", ()),
        ("Starting to load model Qwen/Qwen3-8B...", ("Qwen/Qwen3-8B",)),
    ],
)
def test_what_the_model_is_called(line: str, models: tuple[str, ...]) -> None:
    assert told(line, "\n", LOADED).models == models


@pytest.mark.parametrize(
    ("line", "quant"),
    [
        ("dtype=torch.float16, quantization=None", "fp16"),
        ("dtype=torch.float32", "fp32"),
        ("dtype=torch.bfloat16, quantization=awq_marlin", "awq"),
        ("dtype=torch.bfloat16, quantization=bitsandbytes", "nf4"),
        # Which of its formats the files tell.
        ("dtype=torch.bfloat16, quantization=compressed-tensors", ""),
        ("--dtype bfloat16 --quantization fp8", "fp8"),
        ("dtype=auto", ""),
    ],
)
def test_what_the_weights_are_in(line: str, quant: str) -> None:
    assert told(line, "\n", LOADED).quant == quant


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("tensor_parallel_size=1, pipeline_parallel_size=1, data_parallel_size=1", {}),
        ("data_parallel_size=4, max_num_seqs=256", {"dp": 4, "max_num_seqs": 256}),
        ("--tensor-parallel-size 8 --max-num-batched-tokens=4096", {"tp": 8, "max_num_batched_tokens": 4096}),
        ("Chunked prefill is enabled with max_num_batched_tokens=16384.", {"max_num_batched_tokens": 16384}),
        ("'max_num_batched_tokens': None", {}),
        ("total_gpu_memory (22.05GiB) x gpu_memory_utilization (0.95) = 20.94GiB", {"gpu_memory_utilization": 0.95}),
        ("--gpu-memory-utilization .9", {"gpu_memory_utilization": 0.9}),
        ("gpu_memory_utilization=most", {}),
        ("enforce_eager=True", {"enforce_eager": True}),
        ("enforce_eager=False", {}),
        # One request at once and all of a device are something to say, one rank is not.
        ("max_num_seqs=1, gpu_memory_utilization=1.0", {"max_num_seqs": 1, "gpu_memory_utilization": 1.0}),
    ],
)
def test_options(line: str, options: dict[str, Any]) -> None:
    found = told(line, "\n", LOADED)
    assert dict(found.options) == options
    assert found.kv == ""


@pytest.mark.parametrize(
    ("line", "context"),
    [
        ("max_seq_len=4096, 'max_model_len': 8192", 4096),
        ("non-default args: {'max_model_len': 8192}", 8192),
        ("--max-model-len 2048", 2048),
        ("Using max model len 131072", 131_072),
        ("max_seq_len=None", None),
    ],
)
def test_the_longest_context(line: str, context: int | None) -> None:
    assert told(line, "\n", LOADED).context == context


def test_cards_by_the_file_of_their_kernels_or_by_what_is_on_them() -> None:
    tuned = "Using configuration from E=128,N=384,device_name=NVIDIA_H100_80GB_HBM3,dtype=fp8_w8a8.json for MoE\n"
    older = "the current vLLM instance can use total_gpu_memory (22.05GiB) x gpu_memory_utilization (0.90)\n"
    numbered = "Free memory on device cuda:0 (78.66/79.19 GiB) on startup.\n"
    assert told(LOADED, tuned).cards == (LoggedDevice("NVIDIA H100 80GB HBM3", None, True),)
    assert told(LOADED, older).cards == (LoggedDevice("", round(22.05 * GIB), True),)
    assert told(LOADED, numbered, tuned).cards == (LoggedDevice("NVIDIA H100 80GB HBM3", round(79.19 * GIB), True),)
    assert told("tensor_parallel_size=4\n", LOADED).cards == ()
    assert len(told("tensor_parallel_size=4\n", LOADED, numbered).cards) == 4


def test_what_was_not_to_be_had() -> None:
    larger = (
        "ValueError: To serve at least one request with the models's max seq len (131072), (16.00 GiB KV cache is "
        "needed, which is larger than the available KV cache memory (3.25 GiB).\n"
    )
    none = "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`\n"
    lacks = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has a total capacity\n"
    older = "INFO worker.py:1] model weights take 12.50GiB\n"
    assert told(LOADED, larger).trouble == Trouble(CACHE, None, 16 * GIB, round(3.25 * GIB))
    assert told(LOADED, none).trouble == Trouble(CACHE)
    assert told(ENGINE, lacks).trouble == Trouble(WEIGHTS, 0, 3 * GIB // 2)
    assert told(ENGINE, lacks, LOADED).trouble == Trouble(WEIGHTS, 0, 3 * GIB // 2)
    assert told(LOADED, lacks).trouble == Trouble(COMPUTE, 0, 3 * GIB // 2)
    assert told(older.replace("take", "took"), lacks).trouble == Trouble(COMPUTE, 0, 3 * GIB // 2)


@pytest.mark.parametrize("text", ["", "some other program\n", ENGINE, LOADED.replace("14.0786", "0.0")])
def test_what_tells_nothing_of_memory_is_no_log(text: str) -> None:
    assert read(text) is None

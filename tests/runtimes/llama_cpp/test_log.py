"""Every line of llama.cpp's start-up log that is read, in the form in which its source prints it, and what it tells."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.runtimes.llama_cpp.log import device_of, read
from llmscale.runtimes.logged import Logged, LoggedDevice, Term, Trouble
from llmscale.runtimes.placed import CACHE, COMPUTE, STATE, WEIGHTS
from llmscale.units import GIB, MIB
from tests.helpers import REPOSITORY, good

DIGIT = round(MIB / 100)
LOADER = (
    "llama_model_loader: loaded meta data with 30 key-value pairs and 339 tensors from {} (version GGUF V3 (latest))\n"
)
FILE = LOADER.format("/models/Qwen3-8B-Q4_K_M.gguf")
WEIGHT = "load_tensors:        CUDA0 model buffer size =  4168.00 MiB\n"
HOST = "load_tensors:   CPU_Mapped model buffer size =   292.36 MiB\n"
CONTEXT = "llama_context: constructing llama_context\n"
CELLS = "llama_kv_cache:      CUDA0 KV buffer size =  1152.00 MiB\n"


def told(*lines: str) -> Logged:
    found = read("".join(lines))
    assert found is not None
    return found


def test_each_kind_of_buffer_is_on_its_device() -> None:
    found = told(
        FILE,
        WEIGHT,
        HOST,
        "load_tensors:        CUDA1 model buffer size =  1000.50 MiB\n",
        CONTEXT,
        "llama_context:  CUDA_Host  output buffer size =     2.32 MiB\n",
        CELLS,
        "llama_kv_cache:      CUDA0 KV buffer size =   100.00 MiB\n",
        "llama_memory_recurrent:      CUDA1 RS buffer size =    62.81 MiB\n",
        "llama_context:      CUDA0 compute buffer size =   304.75 MiB\n",
        "llama_context:      CUDA0 compute buffer size =   254.50 MiB\n",
        "llama_context:  CUDA_Host compute buffer size =    28.02 MiB\n",
        "llama_context:      CUDA1 compute buffer size =     0.00 MiB\n",
    )
    # Of two caches both count, of a buffer that is reserved again the last.
    assert found.terms == (
        Term(WEIGHTS, 0, 4168 * MIB, DIGIT),
        Term(WEIGHTS, None, round(292.36 * MIB), DIGIT),
        Term(WEIGHTS, 1, round(1000.5 * MIB), DIGIT),
        Term(CACHE, 0, 1152 * MIB, DIGIT),
        Term(CACHE, 0, 100 * MIB, DIGIT),
        Term(STATE, 1, round(62.81 * MIB), DIGIT),
        Term(COMPUTE, None, round(2.32 * MIB), DIGIT),
        Term(COMPUTE, 0, round(254.5 * MIB), DIGIT),
        Term(COMPUTE, None, round(28.02 * MIB), DIGIT),
    )


@pytest.mark.parametrize(
    ("buffer", "device"),
    [
        ("CUDA0", 0),
        ("CUDA11", 11),
        ("Vulkan1", 1),
        ("Metal", 0),
        ("MTL0_Private", 0),
        ("Metal_Mapped", 0),
        ("CUDA1_Split", 1),
        ("CUDA_Host", None),
        ("CPU", None),
        ("CPU_Mapped", None),
        ("RPC0", None),
    ],
)
def test_which_device_a_buffer_is_on(buffer: str, device: int | None) -> None:
    assert device_of(buffer) == device


def test_weights_as_older_releases_print_them() -> None:
    older = "llm_load_tensors:      CUDA0 buffer size = 12633.25 MiB\n"
    assert told(older).terms == (Term(WEIGHTS, 0, round(12633.25 * MIB), DIGIT),)
    assert told(older, WEIGHT).terms == (Term(WEIGHTS, 0, 4168 * MIB, DIGIT),)


def test_of_several_loads_the_one_with_the_most_weights() -> None:
    """A draft model is loaded behind the model or before it, and what is fitted is loaded twice."""
    draft = LOADER.format("/models/Qwen3-0.6B-Q8_0.gguf")
    small = "load_tensors:        CUDA0 model buffer size =   604.15 MiB\n"
    for text in (FILE + WEIGHT + draft + small, draft + small + FILE + WEIGHT):
        found = told("build: 6000 (abc) with gcc\n", text)
        assert [one.bytes for one in found.terms] == [4168 * MIB]
        assert found.models == ("Qwen3-8B-Q4_K_M.gguf",)
    again = WEIGHT.replace("CUDA0", "CUDA1")
    assert [one.device for one in told(FILE, WEIGHT, FILE, again).terms] == [1]


def test_of_loads_that_failed_the_one_that_wanted_the_most() -> None:
    failed = (
        "ggml_backend_cuda_buffer_type_alloc_buffer: allocating {} MiB on device 0: cudaMalloc failed: out of memory\n"
    )
    draft = LOADER.format("/models/Qwen3-0.6B-Q8_0.gguf")
    found = told(FILE, failed.format("4168.00"), draft, failed.format("604.15"))
    assert found.models == ("Qwen3-8B-Q4_K_M.gguf",)
    assert found.trouble == Trouble(WEIGHTS, 0, 4168 * MIB)


def test_of_several_contexts_the_first_with_buffers() -> None:
    """What is behind it is a draft model's, or the model's own prediction of several tokens."""
    empty = CONTEXT + "llama_context: n_ctx         = 512\n"
    first = CONTEXT + "llama_context: n_seq_max     = 4\nllama_context: n_ctx         = 16384\n" + CELLS
    second = CONTEXT + "llama_context: n_seq_max     = 1\nllama_context: n_ctx         = 2048\n" + CELLS
    found = told(FILE, WEIGHT, empty, first, second)
    assert (found.context, found.batch) == (16384, 4)
    assert [one.kind for one in found.terms] == [WEIGHTS, CACHE]
    unfilled = told(FILE, WEIGHT, empty, second.replace(CELLS, ""))
    assert unfilled.context == 2048


@pytest.mark.parametrize(
    ("lines", "context"),
    [
        ("llama_context: n_ctx         = 32768\n", 32768),
        ("llama_context: n_ctx         = 32768\nllama_context: n_ctx_per_seq = 8192\n", 8192),
        ("llama_context: n_ctx         = 32768\nllama_context: n_ctx_seq     = 4096\n", 4096),
        ("llama_kv_cache: size = 1152.00 MiB (  8192 cells,  36 layers,  1/1 seqs)\n", 8192),
        ("", None),
    ],
)
def test_tokens_of_one_sequence(lines: str, context: int | None) -> None:
    assert told(FILE, WEIGHT, CONTEXT, lines, CELLS).context == context


@pytest.mark.parametrize(
    ("k", "v", "kv"), [("f16", "f16", ""), ("q8_0", "q8_0", "q8_0"), ("q8_0", "f16", "k=q8_0,v=f16"), ("", "", "")]
)
def test_what_the_cache_is_in(k: str, v: str, kv: str) -> None:
    line = f"llama_kv_cache: size = 1152.00 MiB, K ({k}):  576.00 MiB, V ({v}):  576.00 MiB\n" if k else ""
    assert told(FILE, WEIGHT, CONTEXT, CELLS, line).kv == kv


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        ("load_tensors: offloaded 37/37 layers to GPU\n", {}),
        ("load_tensors: offloaded 20/37 layers to GPU\n", {"gpu_layers": "20"}),
        ("llama_context: n_ubatch      = 1024\n", {"ubatch": 1024}),
        ("llama_context: flash_attn    = 0\n", {"flash_attn": False}),
        ("llama_context: flash_attn    = 1\n", {"flash_attn": True}),
        ("llama_context: flash_attn    = enabled\n", {"flash_attn": True}),
        ("llama_context: flash_attn    = auto\n", {}),
        (
            "llama_context: flash_attn    = auto\nllama_context: Flash Attention was auto, set to disabled\n",
            {"flash_attn": False},
        ),
        ("llama_context: kv_unified    = true\n", {"unified_kv": True}),
        ("srv: kv_unified = 'false'\n", {"unified_kv": False}),
    ],
)
def test_options(lines: str, options: dict[str, Any]) -> None:
    assert dict(told(FILE, CONTEXT, lines, WEIGHT, CELLS).options) == options


@pytest.mark.parametrize(
    ("said", "quant"),
    [
        ("file type   = Q4_K - Medium", "q4_k_m"),
        ("file type   = Q3_K - Small", "q3_k_s"),
        ("file type   = Q5_K - Large", "q5_k_l"),
        ("file type   = Q8_0", "q8_0"),
        ("model ftype      = Q6_K", "q6_k"),
        ("file type   = Q2_K - Medium", "q2_k"),
        ("file type   = all F32", "f32"),
        ("file type   = MXFP4 MoE", "mxfp4_moe"),
        ("file type   = IQ4_XS - 4.25 bpw", "iq4_xs"),
        ("file type   = Q4_0 (guessed)", "q4_0"),
        ("file format = GGUF V3", ""),
    ],
)
def test_the_preset_by_the_name_of_its_type(said: str, quant: str) -> None:
    assert told(FILE, f"print_info: {said}\n", WEIGHT).quant == quant


def test_what_the_file_is_called_and_what_it_holds() -> None:
    found = told(
        LOADER.format(r"C:\models\My-Model.gguf"),
        "llama_model_loader: - kv   2:                               general.name str              = Qwen3 8B \n",
        "llama_model_loader: - kv   4:                           general.basename str              = Qwen3\n",
        "llama_model_loader: - kv   5:                         general.size_label str              = 8B\n",
        "print_info: file size   = 4.68 GiB (4.91 BPW)\n",
        WEIGHT,
    )
    assert found.models == ("My-Model.gguf", "Qwen3 8B")
    assert found.file_bytes == round(4.68 * GIB)
    apart = told(FILE, "general.name str = Mine\ngeneral.basename str = Qwen3\ngeneral.size_label str = 8B\n", WEIGHT)
    assert apart.models == ("Qwen3-8B-Q4_K_M.gguf", "Mine", "Qwen3 8B")
    lone = told(FILE, "general.basename str = Qwen3\n", WEIGHT)
    assert lone.models == ("Qwen3-8B-Q4_K_M.gguf",)
    assert lone.file_bytes is None
    blob = told(LOADER.format("/blobs/sha256-60e05f21.gguf"), WEIGHT)
    assert blob.models == ()
    server = told("srv    load_model: loading model '/models/Qwen3-8B-Q4_K_M.gguf'\n", WEIGHT)
    assert server.models == ("Qwen3-8B-Q4_K_M.gguf",)


def test_cards_with_what_is_free_or_by_name_alone() -> None:
    using = "llama_model_load_from_file_impl: using device {} ({}) (0000:01:00.0) - {} MiB free\n"
    listed = "  Device {}: {}, compute capability 8.6, VMM: yes\n"
    names = listed.format(1, "NVIDIA GeForce RTX 3060") + listed.format(0, "NVIDIA GeForce RTX 4090")
    assert told(names, WEIGHT).cards == (
        LoggedDevice("NVIDIA GeForce RTX 4090"),
        LoggedDevice("NVIDIA GeForce RTX 3060"),
    )
    free = using.format("CUDA1", "NVIDIA GeForce RTX 3060", 11750) + using.format(
        "CUDA0", "NVIDIA GeForce RTX 4090", 22000
    )
    assert told(names, free, WEIGHT).cards == (
        LoggedDevice("NVIDIA GeForce RTX 4090", 22000 * MIB),
        LoggedDevice("NVIDIA GeForce RTX 3060", 11750 * MIB),
    )
    rpc = using.format("RPC0", "192.168.0.2:50052", 11750)
    assert told(rpc, WEIGHT).cards == ()
    without = "llama_model_load_from_file_impl: using device Metal (Apple M2 Max) - 49151 MiB free\n"
    assert told(without, WEIGHT).cards == (LoggedDevice("Apple M2 Max", 49151 * MIB),)
    assert told("  Device 0: AMD Radeon RX 7900 XTX, gfx1100 (0x1100)\n", WEIGHT).cards == (
        LoggedDevice("AMD Radeon RX 7900 XTX"),
    )
    assert told("ggml_vulkan: 0 = NVIDIA GeForce RTX 3060 (NVIDIA) | uma: 0\n", WEIGHT).cards == (
        LoggedDevice("NVIDIA GeForce RTX 3060"),
    )


@pytest.mark.parametrize(
    ("line", "release"),
    [("build: 6000 (abcdef0) with gcc", "b6000"), ("build_info: b10488-0c1e57098", "b10488"), ("build: of mine", "")],
)
def test_builds(line: str, release: str) -> None:
    assert told(line, "\n", FILE, WEIGHT).release == release


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        ("llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache\n", CACHE),
        ("graph_reserve: failed to allocate compute buffers\n", COMPUTE),
        ("llama_init_from_model: failed to initialize the context: failed to allocate compute pp buffers\n", COMPUTE),
        ("ggml_gallocr_reserve_n: failed to allocate CUDA0 buffer of size 6442450944\n", COMPUTE),
        ("llama_model_load: error loading model: unable to allocate CUDA0 buffer\n", WEIGHTS),
    ],
)
def test_what_was_not_to_be_had(after: str, kind: str) -> None:
    failed = "ggml_backend_cuda_buffer_type_alloc_buffer: "
    failed += "allocating 6144.00 MiB on device 1: cudaMalloc failed: out of memory\n"
    assert told(FILE, failed, after).trouble == Trouble(kind, 1, 6 * GIB)
    assert told(FILE, WEIGHT).trouble is None
    # What is tried again another way is none; what then fails is.
    again = failed.replace("6144.00", "512.00")
    retried = failed + "sched_reserve: retrying without pipeline parallelism\n"
    assert told(FILE, WEIGHT, retried).trouble is None
    assert told(FILE, retried, "." * 600, "\n", again, after).trouble == Trouble(kind, 1, 512 * MIB)


@pytest.mark.parametrize("text", ["", "some other program\n", "llama_context: n_ctx = 512\n", FILE])
def test_what_tells_nothing_of_memory_is_no_log(text: str) -> None:
    assert read(text) is None


BREAKDOWN = (
    "llama_memory_breakdown_print: | memory breakdown [MiB] | total free self model context compute |\n"
    "llama_memory_breakdown_print: |   - MTL0 (Apple M5)    | 18186 = 3594 + (14590 = 11073 + 3096 + 420) + 0 |\n"
    "llama_memory_breakdown_print: |   - Host               | 648 = 379 + 0 + 269 |\n"
)


def test_a_breakdown_tells_what_no_buffer_did() -> None:
    found = told("llama_context: n_ctx = 131072\n", BREAKDOWN)
    assert found.terms == (
        Term(WEIGHTS, 0, 11073 * MIB, MIB),
        Term(CACHE, 0, 3096 * MIB, MIB),
        Term(COMPUTE, 0, 420 * MIB, MIB),
    )
    hybrid = told("print_info: ssm_d_state = 128\n", BREAKDOWN)
    assert [one.kind for one in hybrid.terms] == [WEIGHTS, COMPUTE]  # cache and state are one figure there
    assert [one.bytes for one in told(FILE, WEIGHT, BREAKDOWN).terms] == [4168 * MIB]


@pytest.mark.parametrize(
    ("buffer", "backend"),
    [("Vulkan0", "vulkan"), ("SYCL0", "sycl"), ("ROCm1", "rocm"), ("MTL0", "metal"), ("CUDA0", None)],
)
def test_the_backend_is_that_of_the_buffers(buffer: str, backend: str | None) -> None:
    found = told(FILE, f"load_tensors: {buffer} model buffer size =  4168.00 MiB\n")
    assert found.options.get("backend") == backend


def test_speculation_by_a_layer_of_the_model() -> None:
    states = "llama_memory_recurrent: size =  448.88 MiB (     1 cells,  64 layers,  1 seqs  2 rs_seq)\n"
    mtp = "srv    load_model: creating MTP draft context against the target model '/m/qwen3.8-27b-q5_k_m.gguf'\n"
    found = told(WEIGHT, CONTEXT, CELLS, states, mtp, CONTEXT, CELLS.replace("1152", "32"))
    assert found.models == ("qwen3.8-27b-q5_k_m.gguf",)
    assert {name: found.options[name] for name in ("spec_type", "spec_draft_n_max")} == {
        "spec_type": "draft-mtp",
        "spec_draft_n_max": 2,
    }
    assert [one.bytes for one in found.terms if one.kind == CACHE] == [1152 * MIB]
    assert "spec_type" not in told(WEIGHT, CONTEXT, CELLS, states).options


@pytest.mark.parametrize(
    ("lines", "trouble"),
    [
        (
            "ggml_gallocr_reserve_n_impl: failed to allocate CUDA0 buffer of size 2611253376\n"
            "graph_reserve: failed to allocate compute buffers\n",
            Trouble(COMPUTE, 0, 2611253376),
        ),
        (
            "ggml_vulkan: Device memory allocation of size 11610710784 failed.\n"
            "alloc_tensor_range: failed to allocate Vulkan1 buffer of size 11610710784\n",
            Trouble(WEIGHTS, 1, 11610710784),
        ),
        ("alloc_tensor_range: failed to allocate CPU buffer of size 1024\n", None),
    ],
)
def test_what_other_backends_do_not_give(lines: str, trouble: Trouble | None) -> None:
    assert told(FILE, WEIGHT, lines).trouble == trouble


def test_logits_alone_are_no_compute_buffer() -> None:
    output = "llama_context:  CUDA_Host  output buffer size =     0.95 MiB\n"
    assert [one.kind for one in told(FILE, WEIGHT, CONTEXT, output, CELLS).terms] == [WEIGHTS, CACHE]


@pytest.mark.parametrize("line", ["build      : b11151-bd4f514db\n", "build: 11151 (bd4f514db) with GNU\n"])
def test_builds_as_they_are_written_now(line: str) -> None:
    assert told(line, FILE, WEIGHT).release == "b11151"


def test_what_was_refused_is_not_said_to_fit() -> None:
    """131,072 tokens did not fit beside what else was on that card, of which the log says nothing."""
    log = str(REPOSITORY / "tests" / "logs" / "llama-qwen3.5-27b-out-of-memory.log")
    said = ("-m", "qwen3.5-27b", "-q", "q4_k_s", "--gpu", "rtx4070", "--runtime", "llama.cpp@b8500")
    found = good("log", log, *said, "-o", "json").json()
    assert found["trouble"]["wanted_bytes"] == found["trouble"]["estimate_bytes"] == round(1401.75 * MIB)
    assert found["trouble"]["max_context"] < 131072
    assert {one["kind"]: one["estimate_bytes"] - one["log_bytes"] for one in found["terms"] if one["device"] == 0} == {
        "weights": pytest.approx(0, abs=MIB),
        "kv_cache": 0,
        "state": pytest.approx(0, abs=MIB),
    }

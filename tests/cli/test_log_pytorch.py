"""``llmscale log`` of what PyTorch says where memory is not to be had, in the words of its releases and devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmscale.runtimes.logs import read
from llmscale.units import GIB, MIB
from tests.helpers import run

LOGS = Path(__file__).resolve().parent.parent / "logs"
#: Between two decimals of a GiB.
CLOSE = GIB // 100


def trouble(name: str, *more: str) -> dict[str, Any]:
    answer = run("log", str(LOGS / f"{name}.log"), *more, "-o", "json")
    assert answer.status == 0, answer.err
    found: dict[str, Any] = answer.json()["trouble"]
    return found


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "error.txt"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_weights_that_were_not_all_there() -> None:
    found = trouble("torch-llama-3.1-8b", "-m", "llama-3.1-8b", "-q", "fp32")
    assert (found["kind"], found["device"], found["wanted_bytes"]) == ("weights", 0, 224 * MIB)
    assert found["estimate_bytes"] == found["weights_bytes"] == pytest.approx(8030261248 * 4, rel=0.001)
    assert found["held_bytes"] == round(23.24 * GIB)
    assert found["held_bytes"] < found["weights_bytes"]
    assert found["device_bytes"] == round(23.68 * GIB)
    assert found["available_bytes"] == round(119.06 * MIB)
    assert abs(found["others_bytes"] - 0.074 * GIB) < CLOSE
    assert found["max_context"] is None
    text = run("log", str(LOGS / "torch-llama-3.1-8b.log"), "-m", "llama-3.1-8b", "-q", "fp32").out
    assert "Out of memory: Weights on device 0, 0.22 GiB asked for, 0.12 there of 23.68" in text
    assert "llmscale fits 23.61gib llama-3.1-8b" in text


def test_what_would_fit_is_what_estimate_says() -> None:
    found = trouble("torch-llama-3.1-8b", "-m", "llama-3.1-8b", "-q", "bf16", "-c", "8k")
    assert found["kind"] == "besides_weights"
    common = ["-q", "bf16", "--runtime", "transformers", "--gpu", "23.61GiB", "--reserve", "0", "-o", "json"]
    for context, fits in ((found["max_context"] - 600, True), (found["max_context"] + 600, False)):
        asked = run("estimate", "llama-3.1-8b", "-c", str(context), *common).json()
        assert asked["estimates"][0]["devices"][0]["fits"] is fits
    text = run("log", str(LOGS / "torch-llama-3.1-8b.log"), "-m", "llama-3.1-8b", "-q", "bf16").out
    assert "That is more than all of the estimate" in text
    assert "4,096 are taken" in text


def test_the_second_card_in_the_older_words() -> None:
    found = trouble("torch-qwen1.5-7b", "-m", "qwen1.5-7b", "-q", "bf16", "-c", "6k", "--gpu", "2x rtx4090")
    assert (found["kind"], found["device"], found["held_bytes"]) == ("besides_weights", 1, round(10.10 * GIB))
    assert abs(found["spare_bytes"] - 0.48 * GIB) < CLOSE
    assert found["others_bytes"] is None
    assert found["weights_bytes"] + found["estimate_bytes"] == found["total_bytes"]


def test_a_card_that_is_not_named_stands_for_each() -> None:
    one = trouble("torch-qwen1.5-7b", "-m", "qwen1.5-7b", "-q", "bf16", "-c", "6k")
    assert one["device"] == 1
    assert one["total_bytes"] > 14 * GIB


def test_the_frame_above_tells_which_term() -> None:
    found = trouble("torch-rtx2070-7b", "-m", "llama-2-7b", "-q", "gptq-int4-g128", "-c", "2k")
    assert (found["kind"], found["available_bytes"]) == ("kv_cache", 0)
    assert found["estimate_bytes"] == 2048 * 512 * 1024
    text = run("log", str(LOGS / "torch-rtx2070-7b.log"), "-m", "llama-2-7b", "-q", "gptq-int4-g128", "-c", "2k").out
    assert "0.66 GiB that PyTorch had taken lay in pieces too small" in text


def test_hip() -> None:
    found = trouble("torch-strix-halo", "-m", "qwen3-32b", "-q", "bf16")
    assert (found["wanted_bytes"], found["held_bytes"]) == (round(3.31 * GIB), round(57.70 * GIB))
    assert found["device_bytes"] == 128 * GIB


MPS = (
    "RuntimeError: MPS backend out of memory (MPS allocated: 17.36 GB, other allocations: 613.56 MB, max allowed: "
    "18.13 GB). Tried to allocate 192.00 MB on private pool. Use PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0 to disable"
)
PRIVATE = (
    "torch.OutOfMemoryError: HIP out of memory. Tried to allocate 2.00 MiB. GPU 3 has a total capacity of 287.98 GiB "
    "of which 275.86 GiB is free. 1.05 GiB allowed; Of the allocated memory 1017.01 MiB is allocated by PyTorch, with "
    "17.00 MiB allocated in private pools (e.g., HIP Graphs), and 54.99 MiB is reserved by PyTorch but unallocated."
)
CACHED = (
    "RuntimeError: CUDA out of memory. Tried to allocate 8.13 GiB (GPU 0; 10.76 GiB total capacity; 643.57 MiB already "
    "allocated; 8.20 GiB free; 32.43 MiB cached)"
)
CAPACTY = (
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 27.12 GiB. GPU 0 has a total capacty of 11.99 "
    "GiB of\nwhich 0 bytes is free. Of the allocated memory 16.16 GiB is allocated by PyTorch, and 144.59 MiB is "
    "reserved by PyTorch but unallocated."
)


@pytest.mark.parametrize(
    ("line", "wanted", "device", "whole", "had", "held", "spare"),
    [
        (MPS, 192 * MIB, None, round(18.13 * GIB), None, round(17.36 * GIB), None),
        (PRIVATE, 2 * MIB, 3, round(287.98 * GIB), round(275.86 * GIB), round(1017.01 * MIB), round(54.99 * MIB)),
        (CACHED, round(8.13 * GIB), 0, round(10.76 * GIB), round(8.2 * GIB), round(643.57 * MIB), round(32.43 * MIB)),
        (CAPACTY, round(27.12 * GIB), 0, round(11.99 * GIB), 0, round(16.16 * GIB), round(144.59 * MIB)),
        ("CUDA out of memory. Tried to allocate 20.00 MiB", 20 * MIB, None, None, None, None, None),
    ],
)
def test_each_wording(line: str, wanted: int, device: int, whole: int, had: int, held: int, spare: int) -> None:
    told = read(f"Traceback\n{line}\nmore")
    assert told is not None
    lack = told.trouble
    assert lack is not None
    assert (lack.wanted, lack.device, lack.whole, lack.had, lack.held, lack.spare) == (
        wanted,
        device,
        whole,
        had,
        held,
        spare,
    )


FRAMES = {
    "weights": (
        '  File "/transformers/modeling_utils.py", line 3502, in from_pretrained\n',
        "File ~/transformers/modeling_utils.py:4399, in PreTrainedModel.from_pretrained(cls, *args)\n",
        '  File "/torch/nn/modules/module.py", line 1340, in to\n',
        "/transformers/modeling_utils.py:698 in\n_load_state_dict_into_meta_model\n",
    ),
    "compute": ('  File "/transformers/models/llama/modeling_llama.py", line 34, in forward\n',),
    "kv_cache": (
        '  File "/x.py", line 1, in forward\n  File "/transformers/cache_utils.py", line 450, in update\n',
        "    self.keys = torch.cat([self.keys, key_states], dim=-2)\n",
    ),
}


@pytest.mark.parametrize(("kind", "frame"), [(kind, one) for kind, several in FRAMES.items() for one in several])
def test_each_frame(tmp_path: Path, kind: str, frame: str) -> None:
    before = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n'
    path = written(tmp_path, f"in forward\n{before}{frame}{CAPACTY}")
    asked = ("-m", "qwen3-8b", "-q", "bf16", "--gpu", "rtx4070")
    assert run("log", path, *asked, "-o", "json").json()["trouble"]["kind"] == kind


def test_no_frame_and_nothing_held_is_not_told(tmp_path: Path) -> None:
    path = written(tmp_path, "CUDA out of memory. Tried to allocate 20.00 MiB")
    asked = ("log", path, "-m", "qwen3-8b", "-q", "bf16", "--gpu", "rtx4090")
    assert run(*asked, "-o", "json").json()["trouble"]["kind"] == ""
    assert "Out of memory: not told, 0.02 GiB asked for" in run(*asked).out


def test_more_free_than_wanted_is_no_lack_of_memory(tmp_path: Path) -> None:
    asked = ("log", written(tmp_path, PRIVATE), "-m", "qwen3-8b", "-q", "bf16")
    assert "More was free than was wanted" in run(*asked).out
    assert "空闲多于所申请" in run(*asked, "--lang", "zh").out


def test_a_training_step_is_sent_to_train(tmp_path: Path) -> None:
    frame = 'Traceback (most recent call last):\n  File "t.py", line 9, in training_step\n    loss.backward()\n'
    answer = run("log", written(tmp_path, frame + CAPACTY), "-m", "qwen3-8b", "-q", "bf16")
    assert answer.status == 2
    assert "training step" in answer.err
    assert "llmscale train" in answer.err
    assert answer.out == ""


def test_another_runtime_with_its_options() -> None:
    asked = ("-m", "qwen1.5-7b", "-q", "bf16", "-c", "6k", "--gpu", "2x rtx4090", "--runtime", "vllm", "--tp", "2")
    answer = run("log", str(LOGS / "torch-qwen1.5-7b.log"), *asked, "-o", "json").json()
    assert (answer["runtime"], answer["options"]["tp"]) == ("vllm", 2)
    assert answer["trouble"]["weights_bytes"] < 8 * GIB
    batch = ("-b", "3", "--kv-dtype", "fp8")
    more = run("log", str(LOGS / "torch-qwen1.5-7b.log"), *asked, *batch, "-o", "json").json()
    assert (more["batch"], more["kv_dtype"]) == (3, "fp8")


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("vllm-qwen3-vl-30b", ("--runtime", "sglang"), "The log is of vLLM."),
        ("torch-qwen1.5-7b", ("-m", "qwen1.5-7b", "-q", "bf16", "--runtime", "nobody"), "no runtime called 'nobody'"),
        ("torch-qwen1.5-7b", ("-m", "qwen1.5-7b"), "-q bf16"),
        ("torch-qwen1.5-7b", ("-q", "bf16"), "--model"),
        ("torch-qwen1.5-7b", ("-m", "qwen1.5-7b", "-q", "bf16", "-b", "0"), "--batch 0"),
        ("torch-qwen1.5-7b", ("-m", "qwen1.5-7b", "-q", "bf16", "--kv-dtype", "nonsense"), "nonsense"),
        ("torch-qwen1.5-7b", ("-m", "qwen1.5-7b", "-q", "bf16", "--runtime", "vllm@0.1"), "0.1"),
    ],
)
def test_what_cannot_be_meant(name: str, more: tuple[str, ...], said: str) -> None:
    answer = run("log", str(LOGS / f"{name}.log"), *more)
    assert answer.status in (2, 3)
    assert said in answer.err
    assert answer.out == ""


def test_servers_tell_the_same_line_of_their_own(tmp_path: Path) -> None:
    config = (
        "INFO core.py:58] Initializing a V1 LLM engine (v0.10.2) with config: model='Qwen/Qwen3-8B', "
        "dtype=torch.bfloat16, max_seq_len=4096, tensor_parallel_size=1\n"
    )
    loading = run("log", written(tmp_path, config + PRIVATE), "-o", "json").json()["trouble"]
    assert (loading["kind"], loading["device"], loading["device_bytes"]) == ("weights", 3, round(287.98 * GIB))
    server = (
        "server_args=ServerArgs(model_path='Qwen/Qwen3-8B', tp_size=1)\nLoad weight begin. avail mem=78.00 GB\n"
        "Load weight end. type=Qwen3ForCausalLM, dtype=torch.bfloat16, mem usage=15.30 GB.\n"
    )
    pool = run("log", written(tmp_path, server + PRIVATE), "--gpu", "mi300x", "-o", "json").json()["trouble"]
    assert (pool["kind"], pool["held_bytes"]) == ("kv_cache", round(1017.01 * MIB))


def test_the_anonymous_row() -> None:
    row = run("log", str(LOGS / "torch-llama-3.1-8b.log"), "-m", "llama-3.1-8b", "-q", "fp32", "--anonymise").json()
    assert row["out_of_memory"]["held_bytes"] == round(23.24 * GIB)
    assert row["terms"] == []


ON_AN_80GB = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 224.00 MiB. GPU 0 has a total capacity of 79.11 GiB "
    "of which 100.00 MiB is free. Of the allocated memory 77.50 GiB is allocated by PyTorch."
)
ASKED = ("-m", "llama-3.1-8b", "-q", "bf16", "--width", "200")


@pytest.mark.parametrize(
    "above",
    [
        '  File "/v/transformers/trainer.py", line 2245, in train\n    return inner_training_loop(',
        '  File "/v/trl/rewards/x.py", line 9, in score\n  File "/v/llama/modeling_llama.py", line 300, in forward',
        '  File "/w/compiled/Unsloth.py", line 53, in _fast_inner_training_loop',
        '  File "/m/megatron/training/training.py", line 1000, in train_step',
        '  File "/v/deepspeed/runtime/zero/stage3.py", line 1000, in step',
        "{'loss': 1.2, 'grad_norm': 0.3, 'learning_rate': 2e-05, 'epoch': 0.1}",
    ],
)
def test_a_run_of_any_trainer_is_told_as_training(tmp_path: Path, above: str) -> None:
    answer = run("log", written(tmp_path, f"{above}\n{ON_AN_80GB}\n"), *ASKED)
    assert answer.status == 2
    assert "A training step ran out of memory; it wanted 0.22 GiB." in answer.err
    assert "llmscale train" in answer.err
    chinese = run("log", written(tmp_path, f"{above}\n{ON_AN_80GB}\n"), *ASKED, "--lang", "zh").err
    assert "训练" in chinese
    assert "ran out" not in chinese


def test_more_than_the_estimate_may_have_been_training(tmp_path: Path) -> None:
    assert "or it trained (llmscale train)" in run("log", written(tmp_path, ON_AN_80GB), *ASKED).out
    assert "在训练(llmscale train)" in run("log", written(tmp_path, ON_AN_80GB), *ASKED, "--lang", "zh").out


@pytest.mark.parametrize(
    ("gpu", "other"), [("rtx4090", True), ("h200", True), ("h100", False), ("80GiB", False), ("a100-80gb", False)]
)
def test_a_card_that_is_not_the_one_named_is_told(tmp_path: Path, gpu: str, other: bool) -> None:
    path = written(tmp_path, ON_AN_80GB)
    said = f"The log is of another device (79.11 GiB) than {gpu}"
    assert (said in run("log", path, *ASKED, "--gpu", gpu).out) is other
    assert ("日志中的设备(79.11 GiB)不是" in run("log", path, *ASKED, "--gpu", gpu, "--lang", "zh").out) is other


def test_a_card_that_a_server_names_is_compared_by_its_name() -> None:
    log = str(LOGS / "llama-two-cards.log")
    asked = ("-m", "llama-2-70b", "-q", "q4_k_m", "--width", "200")
    assert "another device" not in run("log", log, *asked, "--gpu", "rtx4060ti-16gb + rtx3060-12gb").out
    told = run("log", log, *asked, "--gpu", "2x l40s").out
    assert "The log is of another device (" in told
    assert "than l40s (" in told

"""A placement as answers show it: what fits in part, what stays in RAM, what to type."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale import estimate, fits
from llmscale.answers.results.estimate import DeviceFit
from llmscale.answers.results.fits import FitsResult
from llmscale.errors import UsageError
from llmscale.units import GIB
from tests.helpers import good, said


def on(gpu: str, model: str = "llama-3.1-70b", quant: str = "q4_k_m", **options: Any) -> DeviceFit:
    (line,) = estimate(model, [quant], gpus=[gpu], options=options).estimates
    return line.devices[0]


def test_layers_that_do_not_fit_stay_in_ram() -> None:
    device = on("rtx4090")
    assert not device.fits
    assert device.layers == 81
    assert 0 < (device.gpu_layers or 0) < 81
    assert f" -ngl {device.gpu_layers} " in (device.command or "")
    named = on("rtx4090", gpu_layers=str(device.gpu_layers))
    assert named.fits
    assert named.host_bytes == device.ram_bytes
    assert not on("rtx4090", gpu_layers=str((device.gpu_layers or 0) + 1)).fits


def test_experts_in_ram_make_room_for_all_else() -> None:
    device = on("rtx4090", "gpt-oss-120b", "mxfp4_moe")
    kept = device.cpu_moe
    assert kept is not None
    assert device.gpu_layers == device.layers
    assert f" -ngl {device.layers} --n-cpu-moe {kept} " in (device.command or "")
    assert on("rtx4090", "gpt-oss-120b", "mxfp4_moe", n_cpu_moe=kept).fits
    assert not on("rtx4090", "gpt-oss-120b", "mxfp4_moe", n_cpu_moe=kept - 1).fits


def test_experts_go_to_ram_first_where_the_ram_is_named_too() -> None:
    device = on("rtx4090", "gpt-oss-120b", "mxfp4_moe", ram=64 * GIB)
    assert device.fits
    assert device.gpu_layers == device.layers
    assert f" -ngl {device.layers} --n-cpu-moe {device.cpu_moe} " in (device.command or "")
    assert device.ram_bytes == device.host_bytes
    # The experts of one layer less would not have fitted: nearly all of the device is used.
    assert 0 <= device.headroom_bytes < device.host_bytes / (device.cpu_moe or 1)
    # How fast the RAM is nobody said, and what is computed with experts there was timed on few machines.
    low, high = device.tokens_per_second_range or (0, 0)
    assert high > 4 * low > 0


def test_ram_that_is_named_too_small_is_a_limit() -> None:
    short = on("rtx3060", "qwen3-30b-a3b", "q8_0", ram=8 * GIB)
    assert not short.fits
    assert [limit.code for limit in short.limits] == ["ram_short"]
    assert short.limits[0].values == {"ram": short.host_bytes, "named": 8 * GIB}
    text = good("estimate", "qwen3-30b-a3b", "-q", "q8_0", "--gpu", "rtx3060", "--ram", "8GiB", "--width", "200").out
    assert "leaves ~20.04 GiB to the RAM beside rtx3060" in text
    assert "The RAM would hold ~20.04 GiB, and 8.00 GiB of it are named." in text
    enough = on("rtx3060", "qwen3-30b-a3b", "q8_0", ram=32 * GIB)
    assert enough.fits
    assert enough.limits == ()


def speed(gpu: str, model: str = "qwen3-8b", batch: int = 1, **options: Any) -> float | None:
    asked = estimate(model, ["bf16"], gpus=[gpu], runtime="vllm", batch=batch, options=options)
    return asked.estimates[0].devices[0].tokens_per_second


def test_servers_side_by_side_write_as_many_times_as_fast_as_one() -> None:
    one, pair = speed("rtx4090", batch=2), speed("2x rtx4090", batch=4, tp=2)
    assert one is not None
    assert pair is not None
    assert speed("2x rtx4090", batch=4, dp=2) == pytest.approx(2 * one)
    assert speed("4x rtx4090", batch=8, dp=2, tp=2) == pytest.approx(2 * pair)
    # Of three sequences the server that has two sets the pace; one alone has one server, whatever stands beside it.
    assert speed("2x rtx4090", batch=3, dp=2) == pytest.approx(1.5 * one)
    assert speed("2x rtx4090", batch=1, dp=2) == pytest.approx(speed("rtx4090"))


def test_experts_that_servers_share_have_no_speed() -> None:
    assert speed("2x h100", "qwen3-30b-a3b", tp=2) is not None
    assert speed("2x h100", "qwen3-30b-a3b", dp=2) is None
    explained = good(
        "estimate", "qwen3-30b-a3b", "-q", "bf16", "--runtime", "vllm", "--gpu", "2x h100", "--dp", "2", "--explain"
    ).out
    assert "makes" not in explained


def test_layers_that_are_named_are_taken_at_their_word() -> None:
    layers = on("rtx4090", "gpt-oss-120b", "mxfp4_moe", gpu_layers="13", ram=64 * GIB)
    assert " -ngl 13 -fa" in (layers.command or "")
    experts = on("rtx4090", "gpt-oss-120b", "mxfp4_moe", n_cpu_moe=30, ram=64 * GIB)
    assert " -ngl 37 --n-cpu-moe 30 " in (experts.command or "")


def test_without_experts_layers_go_to_ram() -> None:
    device = on("rtx4090", ram=64 * GIB)
    assert device.fits
    assert device.cpu_moe is None
    assert 0 < (device.gpu_layers or 0) < (device.layers or 0)


def test_ram_that_is_too_small_for_the_other_layers_does_not_do() -> None:
    needed = on("rtx4090").ram_bytes or 0
    enough, short = on("rtx4090", ram=needed), on("rtx4090", ram=needed - 1)
    assert (enough.fits, enough.host_bytes) == (True, needed)
    assert (short.fits, short.host_bytes) == (False, needed)


@pytest.mark.parametrize(
    ("gpu", "model", "quant", "options"),
    [
        ("rtx4090", "llama-3.1-70b", "q4_k_m", {"gpu_layers": "all"}),
        ("rtx4090", "llama-3.1-70b", "fp8", {}),
        ("8GiB", "llama-3.1-70b", "q4_k_m", {"ram": 1 << 30}),
        ("rtx4090", "7B", "q4_k_m", {}),  # no model that could be named
        ("rtx4090", "llama-3.1-8b", "fp16", {}),  # transformers is no server
    ],
)
def test_what_cannot_be_run_so_has_no_line(gpu: str, model: str, quant: str, options: dict[str, Any]) -> None:
    assert on(gpu, model, quant, **options).command is None


def test_unlike_devices_are_used_whole_by_llama_cpp() -> None:
    (line,) = estimate("llama-3.1-8b", ["q4_k_m"], gpus=["rtx4090 + rtx3060-12gb", "rtx4090", "rtx3060-12gb"]).estimates
    both, one, other = line.devices
    assert both.usable_bytes == one.usable_bytes + other.usable_bytes
    assert [usage.id for usage in both.per_device] == ["rtx4090", "rtx3060-12gb"]
    assert min(usage.used_bytes for usage in both.per_device) > 0
    assert both.fits
    assert both.gpu_layers == both.layers == 33


def test_vllm_takes_of_unlike_devices_what_the_smallest_has() -> None:
    result = estimate("llama-3.1-8b", ["fp8"], gpus=["48GiB + 12GiB", "2x 12GiB"])
    mixed, alike = result.estimates[0].devices
    figures = "usable_bytes", "used_bytes", "free_bytes", "headroom_bytes", "max_context", "kv_cache_tokens"
    assert [getattr(mixed, key) for key in figures] == [getattr(alike, key) for key in figures]
    assert any("vLLM puts the same on each device" in sentence for sentence in said(result))
    assert not any("the same on each" in sentence for sentence in said(estimate("7B", ["fp8"], gpus=["2x 12GiB"])))


def test_llama_cpp_takes_what_it_says_itself() -> None:
    (line,) = estimate("qwen2.5-7b", ["q4_k_m"], context=8192, kv_dtype="q8_0", gpus=["8GiB"]).estimates
    # tests/truth/llamacpp_gpu_logs.json: 4,168.09 MiB of weights and 238.00 MiB of cache on the device.
    (device,) = line.devices
    assert device.weights_bytes == device.per_device[0].parts["weights"]
    assert round(device.per_device[0].parts["weights"] / 2**20, 2) == 4168.09
    assert line.kv_cache_bytes == device.per_device[0].parts["kv_cache"] == 238 * 2**20


def test_a_server_says_how_many_requests_its_cache_holds() -> None:
    device = on("rtx4090", "llama-3.1-8b", "fp8")
    assert device.kv_cache_tokens is not None
    assert device.max_concurrency == pytest.approx(device.kv_cache_tokens / 4096, rel=0.01)
    assert (device.kv_cache_bytes or 0) > device.per_device[0].parts["kv_cache"]


def test_fits_says_what_to_type_for_the_quant_that_it_chose() -> None:
    result = fits("rtx4090", ["llama-3.1-8b"], command=True)
    assert isinstance(result, FitsResult)
    (line,) = result.models
    assert line.command_line is not None
    named = f"unsloth/Llama-3.1-8B-Instruct-GGUF:{line.quant.upper()}"
    assert line.command_line.startswith(f"llama-server -hf {named} -c 4096 ")
    assert line.command_line == on("rtx4090", "llama-3.1-8b", line.quant).command
    without = fits("rtx4090", ["llama-3.1-8b"])
    assert isinstance(without, FitsResult)
    assert without.models[0].command_line is None


@pytest.mark.parametrize(("device", "models"), [(None, ["llama-3.1-8b"]), (None, [])])
def test_a_line_is_of_one_device(device: str | None, models: list[str]) -> None:
    with pytest.raises(UsageError, match="--command asks about"):
        fits(device, models, command=True)


def test_the_command_line_prints_the_line_and_says_what_its_file_stands_for() -> None:
    asked = ["estimate", "llama-3.1-8b", "-q", "q4_k_m", "--gpu", "rtx4090 + rtx3060"]
    shown = good(*asked, "--command").out
    hub = "llama-server -hf unsloth/Llama-3.1-8B-Instruct-GGUF:Q4_K_M -c 4096 "
    assert f"rtx4090 + rtx3060-12gb, Q4_K_M: {hub}" in shown
    assert "2x rtx4090 +" not in shown
    assert "llama-server" not in good(*asked).out
    of_one = good("fits", "rtx4090", "--model", "llama-3.1-8b", "--command").out
    assert "llama-server -hf unsloth/Llama-3.1-8B-Instruct-GGUF:" in of_one
    own = good("estimate", "codellama-13b", "-q", "q4_k_m", "--gpu", "rtx4090", "--command").out
    assert "llama-server -m codellama-13b-Q4_K_M.gguf -c " in own
    assert "stands for the one that you have" in own


def test_where_there_is_no_line_to_type_that_is_said() -> None:
    for model, words in (("llama-3.1-8b", "no line to type is known for transformers"), ("7B", "7B is only a size")):
        shown = good("estimate", model, "-q", "int4", "--runtime", "transformers", "--gpu", "rtx4090", "--command").out
        assert words in " ".join(shown.split())


def test_what_a_limit_forbids_is_no_line_to_type_though_its_bytes_have_room() -> None:
    """Servers that are told to run fewer requests at once than are asked for."""
    for runtime, quant, option in (("sglang", "fp8", "max_running_requests"), ("lmdeploy", "awq", "max_batch_size")):
        few, enough = (
            estimate(
                "llama-3.1-8b", [quant], gpus=["rtx4090"], runtime=runtime, batch=8, context=1024, **{option: most}
            )
            .estimates[0]
            .devices[0]
            for most in (4, 8)
        )
        assert (few.fits, few.may_fit, few.command) == (False, False, None), runtime
        assert few.free_bytes >= 0
        assert [note.code for note in few.limits] == ["fewer_requests"]
        assert enough.fits
        assert enough.command is not None

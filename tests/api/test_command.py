"""What to type: every flag is one of the runtime's, and says what the answer was computed for."""

from __future__ import annotations

import shlex

import pytest

from llmscale.answers.command import Layout, Named, llama_server, repository, vllm_serve
from llmscale.answers.estimate import estimate
from llmscale.answers.fits import fits
from llmscale.answers.results.fits import FitsResult
from llmscale.errors import UsageError
from llmscale.formats.catalogue import number_format
from llmscale.formats.catalogue import quant as find_quant
from llmscale.formats.weights import assign_formats
from llmscale.model.inventory import inventory
from llmscale.runtimes.interface import DEFAULTS, Options, Workload
from llmscale.runtimes.llama_cpp.offload import held, layers_of, most_layers
from llmscale.runtimes.llama_cpp.settings import Offload
from llmscale.runtimes.llama_cpp.simulate import facts, settings_of
from llmscale.runtimes.llama_cpp.simulator.buffers import buffers
from llmscale.sources.registry import load
from llmscale.units import GIB
from tests.helpers import good

#: llama.cpp 0c1e57098, common/arg.cpp: flags of llama-server with a value, and without.
LLAMA_VALUES = {"-m", "-c", "-np", "-ngl", "--n-cpu-moe", "-fa", "-ctk", "-ctv", "-ub", "-b"}
#: Those of other models that are loaded besides.
LOADED = {"--mmproj", "-md", "--spec-type"}
LLAMA_SWITCHES = {"-kvu", "--swa-full", "-nkvo"}
#: The same file, `kv_cache_types`.
LLAMA_CACHES = {"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1"}
#: vLLM 0.33.0, vllm/engine/arg_utils.py.
VLLM_VALUES = {
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
VLLM_SWITCHES = {"--enable-expert-parallel", "--enforce-eager"}
#: vLLM 0.33.0, quantization/__init__.py and config/cache.py. Its "fp8" is for checkpoints that are FP8 already.
VLLM_ONLINE = {"fp8_per_tensor", "fp8_per_channel", "fp8_per_block", "mxfp8"}
VLLM_CACHES = {"float16", "bfloat16", "fp8"}

NAMED = Named("llama-3.1-8b", "meta-llama/Llama-3.1-8B")


def work(context: int = 8192, batch: int = 1, kv: str = "fp16", kv_v: str = "", **options: object) -> Workload:
    v = number_format(kv_v) if kv_v else None
    return Workload(context, batch, number_format(kv), 2, v, Options(**options))  # type: ignore[arg-type]


def flags(line: str, values: set[str], switches: set[str], skip: int) -> dict[str, str]:
    """The flags of a line with their values; each must be known."""
    words, found = shlex.split(line)[skip:], {}
    while words:
        flag = words.pop(0)
        assert flag in values | switches, flag
        found[flag] = words.pop(0) if flag in values else ""
    return found


ALL = Layout(33)


def test_what_is_loaded_besides_is_named_and_used() -> None:
    line = llama_server(NAMED, "q4_k_m", work(), ALL, (("mmproj", "q8_0"), ("draft", "small-Q8_0.gguf")))
    found = flags(line, LLAMA_VALUES | LOADED, LLAMA_SWITCHES, 1)
    assert found["--mmproj"] == "mmproj-llama-3.1-8b-Q8_0.gguf"
    assert (found["-md"], found["--spec-type"]) == ("small-Q8_0.gguf", "draft-simple")


def llama(w: Workload, layout: Layout = ALL, quant: str = "q4_k_m") -> dict[str, str]:
    return flags(llama_server(NAMED, quant, w, layout), LLAMA_VALUES, LLAMA_SWITCHES, 1)


def vllm(w: Workload, quant: str = "bf16", devices: int = 1, named: Named = NAMED) -> dict[str, str]:
    line = vllm_serve(named, quant, w, devices)
    assert line is not None
    return flags(line, VLLM_VALUES, VLLM_SWITCHES, 3)


def test_slots_and_layers_are_always_said_since_llama_server_would_choose_its_own() -> None:
    assert llama(work()) == {
        "-m": "llama-3.1-8b-Q4_K_M.gguf", "-c": "8192", "-np": "1", "-ngl": "33", "-fa": "on",
    }  # fmt: skip


def test_the_context_of_all_slots_is_given_at_once() -> None:
    found = llama(work(8192, 4))
    assert (found["-c"], found["-np"]) == ("32768", "4")


def test_every_llama_option_has_its_flag() -> None:
    found = llama(
        work(kv="q8_0", kv_v="q4_0", ubatch=4096, flash_attn=False, unified_kv=True, swa_full=True, kv_offload=False),
        Layout(40, 12),
    )
    assert found.keys() == LLAMA_VALUES | LLAMA_SWITCHES
    assert {found["-ctk"], found["-ctv"]} == {"q8_0", "q4_0"} <= LLAMA_CACHES
    assert (found["-fa"], found["-ub"], found["-b"], found["--n-cpu-moe"]) == ("off", "4096", "4096", "12")
    assert "-b" not in llama(work(ubatch=1024))  # the default batch holds it


def test_one_cache_format_is_that_of_keys_and_values() -> None:
    found = llama(work(kv="q8_0"))
    assert found["-ctk"] == found["-ctv"] == "q8_0"


def test_a_bf16_file_is_called_so() -> None:
    assert llama(work(), quant="gguf-bf16")["-m"] == "llama-3.1-8b-BF16.gguf"


def test_every_vllm_option_has_its_flag() -> None:
    found = vllm(
        work(
            kv="fp8", tp=2, pp=2, dp=2, ep=True, gpu_memory_utilization=0.85,
            max_num_seqs=64, max_num_batched_tokens=4096, enforce_eager=True,
        ),
        "fp8",
        devices=8,
    )  # fmt: skip
    assert found.keys() == VLLM_VALUES - {"--dtype"} | VLLM_SWITCHES
    assert found["--gpu-memory-utilization"] == "0.85"
    assert found["--kv-cache-dtype"] in VLLM_CACHES


@pytest.mark.parametrize(("options", "ranks"), [({}, "8"), ({"pp": 2}, "4"), ({"tp": 4}, "4"), ({"dp": 8}, None)])
def test_devices_share_each_layer_unless_told_otherwise(options: dict[str, int], ranks: str | None) -> None:
    assert vllm(work(**options), devices=8).get("--tensor-parallel-size") == ranks


@pytest.mark.parametrize("quant", ["fp8", "fp8-dynamic", "fp8-block", "mxfp8"])
def test_a_checkpoint_of_16_bits_is_quantised_as_it_loads(quant: str) -> None:
    line = vllm_serve(NAMED, quant, work(), 1)
    assert line is not None
    assert line.startswith("vllm serve meta-llama/Llama-3.1-8B ")
    assert vllm(work(), quant)["--quantization"] in VLLM_ONLINE


@pytest.mark.parametrize(
    ("named", "quant", "name"),
    [
        (NAMED, "awq", "./llama-3.1-8b-awq"),
        (Named("gpt-oss-20b", "openai/gpt-oss-20b", "mxfp4"), "mxfp4", "openai/gpt-oss-20b"),
        (Named("gpt-oss-20b", "openai/gpt-oss-20b", "mxfp4"), "bf16", "./gpt-oss-20b"),
        (Named("deepseek-v3", "deepseek-ai/DeepSeek-V3", "fp8"), "fp8-block", "deepseek-ai/DeepSeek-V3"),
        (Named("my model"), "bf16", "'./my model'"),
    ],
)
def test_a_repository_is_named_only_for_what_is_in_it(named: Named, quant: str, name: str) -> None:
    assert vllm_serve(named, quant, work(), 1) == f"vllm serve {name} --max-model-len 8192"


def test_caches_that_vllm_does_not_keep_have_no_line() -> None:
    for w in (work(kv="q8_0"), work(kv="int8"), work(kv="fp32"), work(kv="fp8", kv_v="fp16")):
        assert vllm_serve(NAMED, "bf16", w, 1) is None
    assert vllm(work(kv="fp32"), "fp32")["--dtype"] == "float32"
    assert vllm(work(kv="fp16"), "fp32")["--kv-cache-dtype"] == "float16"


def test_the_repository_that_was_asked_for_is_the_one_that_is_named() -> None:
    assert repository("llama-2-7b") == "meta-llama/Llama-2-7b-hf"
    assert repository("llama-2-7b", "meta-llama/llama-2-7b-chat-hf") == "meta-llama/Llama-2-7b-chat-hf"
    assert repository("nobody-knows-it") == repository("gpt-3-13b") == ""


def command(model: str, quant: str, gpu: str, options: Options = DEFAULTS) -> str | None:
    (line,) = estimate(model, [quant], gpus=[gpu], options=options).estimates
    return line.devices[0].command


def test_what_fits_in_part_is_started_with_the_layers_that_do() -> None:
    (line,) = estimate("llama-3.1-70b", ["q4_k_m"], gpus=["rtx4090"]).estimates
    device = line.devices[0]
    assert not device.fits
    assert device.gpu_layers is not None
    assert 0 < device.gpu_layers < 81
    assert f" -ngl {device.gpu_layers} " in (device.command or "")


def test_experts_go_to_ram_first() -> None:
    (line,) = estimate("gpt-oss-120b", ["mxfp4_moe"], gpus=["rtx4090"]).estimates
    device = line.devices[0]
    assert f" -ngl {device.layers} --n-cpu-moe {device.cpu_moe} " in (device.command or "")


def test_experts_go_to_ram_first_where_the_ram_is_named_too() -> None:
    options = Options(ram=64 * GIB)
    (line,) = estimate("gpt-oss-120b", ["mxfp4_moe"], gpus=["rtx4090"], options=options).estimates
    device = line.devices[0]
    assert device.fits
    assert device.gpu_layers == device.layers
    assert f" -ngl {device.layers} --n-cpu-moe {device.cpu_moe} " in (device.command or "")
    assert device.ram_bytes is not None
    # The experts of one layer less would not have fitted: nearly all of the device is used.
    assert 0 <= device.headroom_bytes < device.ram_bytes / (device.cpu_moe or 1)
    # What is computed with experts in RAM was never timed.
    assert device.tokens_per_second is None


def test_layers_that_are_named_are_taken_at_their_word() -> None:
    layers = Options(gpu_layers="13", ram=64 * GIB)
    assert " -ngl 13 -fa" in (command("gpt-oss-120b", "mxfp4_moe", "rtx4090", layers) or "")
    experts = Options(n_cpu_moe=30, ram=64 * GIB)
    assert " -ngl 37 --n-cpu-moe 30 " in (command("gpt-oss-120b", "mxfp4_moe", "rtx4090", experts) or "")


def test_without_experts_layers_go_to_ram() -> None:
    (line,) = estimate("llama-3.1-70b", ["q4_k_m"], gpus=["rtx4090"], options=Options(ram=64 * GIB)).estimates
    device = line.devices[0]
    assert device.fits
    assert device.cpu_moe is None
    assert 0 < (device.gpu_layers or 0) < (device.layers or 0)


def test_what_does_not_fit_has_no_line() -> None:
    assert command("llama-3.1-70b", "q4_k_m", "rtx4090", Options(gpu_layers="all")) is None
    assert command("llama-3.1-70b", "fp8", "rtx4090") is None
    assert command("llama-3.1-70b", "q4_k_m", "8GiB", Options(ram=1 << 30)) is None
    assert command("7B", "q4_k_m", "rtx4090") is None  # no model that could be named
    assert command("llama-3.1-8b", "fp16", "rtx4090") is None  # transformers is no server


def test_fits_says_what_to_type_for_the_quant_that_it_chose() -> None:
    result = fits("rtx4090", ["llama-3.1-8b"], command=True)
    assert isinstance(result, FitsResult)
    (line,) = result.models
    assert line.command_line is not None
    assert line.command_line.startswith(f"llama-server -m llama-3.1-8b-{line.quant.upper()}.gguf -c 4096 ")
    without = fits("rtx4090", ["llama-3.1-8b"])
    assert isinstance(without, FitsResult)
    assert without.models[0].command_line is None


@pytest.mark.parametrize(("device", "models"), [(None, ["llama-3.1-8b"]), ("rtx4090", [])])
def test_a_line_is_of_one_device_and_named_models(device: str | None, models: list[str]) -> None:
    with pytest.raises(UsageError, match="--command asks about"):
        fits(device, models, command=True)


def test_ram_that_is_too_small_for_the_other_layers_does_not_do() -> None:
    def on(ram: int | None) -> tuple[bool, int]:
        (line,) = estimate("llama-3.1-70b", ["q4_k_m"], gpus=["rtx4090"], options=Options(ram=ram)).estimates
        return line.devices[0].fits, line.devices[0].ram_bytes or 0

    fits_alone, needed = on(None)
    assert not fits_alone
    assert on(needed) == (True, needed)
    assert on(needed - 1) == (False, needed)


@pytest.mark.parametrize(
    ("model", "quant"), [("llama-3.1-8b", "q4_k_m"), ("llama-3.2-1b", "q8_0"), ("gpt-oss-20b", "mxfp4_moe")]
)
def test_weights_are_on_one_device_or_in_ram(model: str, quant: str) -> None:
    """Each weight is in one place, but for a table that is the output as well: that is on a device besides."""
    spec = load(model).known()
    known = facts(spec)
    stored = assign_formats(find_quant(quant), spec, inventory(spec))
    weights = layers_of(stored, len(known.layers))
    whole = sum(each.bytes for each in stored)
    settings = settings_of(work())
    for layers, cpu_moe in ((0, 0), (1, 0), (7, 3), (99, 4), (99, 99)):
        places = held(
            known, settings, weights, Offload(devices=2, gpu_layers=layers, split=(3.0, 1.0), cpu_moe=cpu_moe)
        )
        twice = weights.tied if layers else 0
        assert sum(place.weights for place in places) == whole + twice
    assert (weights.tied > 0) == (model == "llama-3.2-1b")


def test_what_is_not_on_the_devices_is_in_ram() -> None:
    spec = load("llama-3.1-8b").known()
    known = facts(spec)
    weights = layers_of(assign_formats(find_quant("q4_k_m"), spec, inventory(spec)), len(known.layers))
    for offload in (True, False):
        settings = settings_of(work(kv_offload=offload))
        device, ram = held(known, settings, weights, Offload(devices=1, gpu_layers=10))
        expected = buffers(known, settings, Offload(devices=1, gpu_layers=10))
        assert (device.cache, ram.cache) == expected.cache
        assert (device.compute, ram.compute) == (expected.compute[0], expected.compute[1] + expected.output)
        assert (device.cache > 0) == offload


def test_unlike_devices_get_layers_by_their_room_and_none_more_than_it_has() -> None:
    spec = load("llama-3.1-70b").known()
    known, settings = facts(spec), settings_of(work())
    weights = layers_of(assign_formats(find_quant("q4_k_m"), spec, inventory(spec)), len(known.layers))
    small, large = 12 * GIB, 48 * GIB
    place = Offload(devices=2, split=(float(large), float(small)))
    assert most_layers(known, settings, weights, place, [large, small]) == len(known.layers) + 1
    most = most_layers(known, settings, weights, place, [large, small // 4])
    first, second, _ = held(known, settings, weights, place._replace(gpu_layers=most))
    assert 0 < most < len(known.layers)
    assert (first.total <= large) & (second.total <= small // 4)
    (line,) = estimate("llama-3.1-70b", ["q4_k_m"], gpus=["48GiB + 12GiB"]).estimates
    assert line.devices[0].fits
    # Two of the mean would not tell the large one from the small one.
    assert (line.devices[0].weights_bytes or 0) > line.weights_bytes * 3 // 4


def test_vllm_takes_of_unlike_devices_what_the_smallest_has() -> None:
    result = estimate("llama-3.1-8b", ["fp8"], gpus=["48GiB + 12GiB", "2x 12GiB"])
    mixed, alike = result.estimates[0].devices
    assert (mixed.headroom_bytes, mixed.max_context) == (alike.headroom_bytes, alike.max_context)
    assert any("vLLM puts the same on each device" in warning for warning in result.warnings)
    assert not estimate("llama-3.1-8b", ["fp8"], gpus=["2x 12GiB"]).warnings


def test_the_command_line_prints_the_line_and_says_what_its_file_stands_for() -> None:
    asked = ["estimate", "llama-3.1-8b", "-q", "q4_k_m", "--gpu", "rtx4090 + rtx3060"]
    shown = good(*asked, "--command").out
    assert "rtx4090 + rtx3060-12gb, Q4_K_M: llama-server -m llama-3.1-8b-Q4_K_M.gguf -c 4096 " in shown
    assert "stands for the one that you have" in shown
    assert "2x rtx4090 +" not in shown
    assert "llama-server" not in good(*asked).out
    of_one = good("fits", "rtx4090", "--model", "llama-3.1-8b", "--command").out
    assert "llama-server -m llama-3.1-8b-" in of_one

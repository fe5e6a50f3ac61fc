"""Choosing a quant, the sizes of files, and what is said of both."""

from __future__ import annotations

import pytest

from llmscale import estimate, fits, needs
from llmscale.answers.catalogued import all_models
from llmscale.answers.lists import list_quants
from llmscale.answers.model import Model
from llmscale.answers.results.fits import FitsResult
from llmscale.errors import NotFoundError, UnsupportedModelError, UsageError
from llmscale.formats.catalogue import quant, quants
from llmscale.quantity import Basis
from llmscale.runtimes.interface import Options
from llmscale.sources.registry import load


def chosen(device: str, model: str, **asked: object) -> FitsResult:
    answer = fits(device, [model], **asked)  # type: ignore[arg-type]
    assert isinstance(answer, FitsResult)
    return answer


def test_of_one_model_the_steps_around_the_best_are_shown() -> None:
    answer = chosen("24GiB", "llama-3.1-70b")
    (line,) = answer.models
    fitting = [choice.quant for choice in answer.choices if choice.fits]
    assert line.fits
    assert fitting[0] == line.quant
    assert not answer.choices[0].fits, "the next better one is shown to say what is missing"
    assert answer.choices[0].missing_bytes > 0
    for choice in answer.choices:
        (same,) = estimate("llama-3.1-70b", [choice.quant], gpus=["24GiB"]).estimates
        (device,) = same.devices
        assert choice.weights_bytes == same.weights_bytes
        assert choice.total_bytes == device.usable_bytes - device.headroom_bytes
        assert choice.fits == same.devices[0].fits


def test_where_nothing_fits_the_smallest_says_what_it_lacks() -> None:
    answer = chosen("12GB", "llama-3.1-70b")
    (line,) = answer.models
    assert not line.fits
    assert line.missing_bytes > 0
    assert [choice.quant for choice in answer.choices] == [line.quant]


def test_more_memory_never_gives_a_quant_that_loses_more() -> None:
    found = [chosen(f"{size}GiB", "llama-3.1-8b").models[0] for size in (4, 6, 8, 10, 12, 16, 24)]
    losses = [line.loss.percent if line.loss else 0.0 for line in found if line.fits]
    assert losses == sorted(losses, reverse=True)
    assert len(set(losses)) > 3


def test_a_model_published_in_four_bits_is_not_blown_up() -> None:
    (line,) = chosen("80GiB", "gpt-oss-20b").models
    assert line.quant == "mxfp4_moe"
    (named,) = chosen("80GiB", "gpt-oss-20b", quants=["q8_0"]).models
    assert named.quant == "q8_0"


def test_what_llama_cpp_cannot_load_is_run_from_its_published_files() -> None:
    assert chosen("24GiB", "vit-base").models[0].quant == "fp16"
    with pytest.raises(UnsupportedModelError, match="cannot be had in any of these quants"):
        fits("24GiB", ["vit-base"], runtime="llama.cpp")
    with pytest.raises(NotFoundError, match="no runtime called 'llama2'"):
        fits("24GiB", ["llama-2-7b"], runtime="llama2")


def test_needs_says_with_which_quant_each_device_is_enough() -> None:
    answer = needs("llama-2-70b", everything=True)
    by_size = {line.quant for line in answer.devices}
    assert {"f16", "q4_k_m"} <= by_size
    for line in answer.devices:
        name = line.id if line.count == 1 else f"{line.count}x {line.id}"
        (same,) = estimate("llama-2-70b", [line.quant], gpus=[name]).estimates
        assert same.devices[0].fits
    (only,) = {line.quant for line in needs("llama-2-70b", ["q4_k_m"]).devices}
    assert only == "q4_k_m"


def test_the_catalogue_is_answered_from_the_sizes_that_were_compiled() -> None:
    for model in all_models(None):
        if model.ref.id in ("llama-2-7b", "gpt-oss-20b", "bert-base", "vit-base"):
            counted = Model.of(load(model.ref.id).known())
            assert model.ref == counted.ref
            (shape,) = model.shapes
            assert (shape.llama_cpp is None) == (model.ref.id == "vit-base")
            assert (
                (shape._replace(llama_cpp=None, transformers=()),),
                model.limit,
                model.published_in,
                model.profile,
            ) == (
                counted.shapes,
                counted.limit,
                counted.published_in,
                counted.profile,
            )
            for one in quants():
                assert weights(model, one.id) == weights(counted, one.id)


def weights(model: Model, name: str) -> int | None:
    try:
        return model.weights(quant(name)).value
    except UnsupportedModelError:
        return None


def test_a_preset_of_a_bare_size_is_what_real_models_of_it_take() -> None:
    found = Model.of(load("7B").known()).weights(quant("q4_k_m"))
    assert found.basis is Basis.ASSUMED
    assert found.low < found.value < found.high
    assert 4.5 < 8 * found.value / 7e9 < 5.3
    real = [
        8 * Model.of(load(name).known()).weights(quant("q4_k_m")).value for name in ("llama-2-7b", "mistral-7b-v0.3")
    ]
    assert all(found.low <= bits / 8 * 1.1 for bits in real)


def test_a_gguf_file_is_its_tensors_and_a_little_more() -> None:
    (line,) = estimate("llama-2-7b", ["q4_k_m"]).estimates
    assert line.weights_bytes == 4_080_263_168
    assert line.file_bytes is not None
    # TheBloke/Llama-2-7B-GGUF: llama-2-7b.Q4_K_M.gguf, see tests/truth/files.json.
    assert abs(line.file_bytes - 4_081_004_224) < 10_000
    low, high = line.ranges["file_bytes"]
    assert low <= 4_081_004_224 <= high
    assert line.basis["file"] == "modelled"
    (plain,) = estimate("llama-2-7b", ["int4"]).estimates
    assert plain.file_bytes is None
    assert "file" not in plain.basis


def test_a_group_leaves_out_what_the_model_cannot_be_had_in_and_says_so() -> None:
    answer = estimate("vit-base", ["all"])
    assert {line.quant for line in answer.estimates} >= {"fp16", "int4"}
    assert any("cannot be had in" in warning and "Q4_K_M" in warning for warning in answer.warnings)
    with pytest.raises(UnsupportedModelError, match="no architecture"):
        estimate("vit-base", ["q4_k_m"])
    with pytest.raises(UnsupportedModelError, match="in any of these quants"):
        estimate("vit-base", ["all-gguf"])


def test_explained_are_the_bytes_of_each_kind_of_tensor() -> None:
    told = "\n".join(estimate("llama-2-7b", ["q4_k_m"], explain=True).explanation)
    assert "attn_v: 16 x Q6_K, 16 x Q4_K" in told
    assert "4,080,263,168 bytes (exact)" in told
    pieces = [
        int(line.rpartition(" = ")[2].removesuffix(" bytes").replace(",", ""))
        for line in told.splitlines()
        if line.startswith("    ")
    ]
    assert sum(pieces) == 4_080_263_168


def test_the_quants_of_a_model_have_its_exact_sizes() -> None:
    answer = list_quants(model="llama-3.1-8b")
    sizes = {line.id: line.weights_bytes for line in answer.quants}
    assert sizes["q4_k_m"] == 4_912_898_304
    assert answer.model is not None
    assert all(line.loss is None or line.loss.percent > -1 for line in answer.quants)
    own = {line.id: line.loss.own for line in answer.quants if line.loss}
    assert own["q4_k_m"]
    assert not own["iq2_m"]
    assert {line.weights_bytes for line in list_quants().quants} == {None}


def test_unlike_devices_are_used_whole_by_llama_cpp() -> None:
    (line,) = estimate("llama-3.1-8b", ["q4_k_m"], gpus=["rtx4090 + rtx3060-12gb", "rtx4090", "rtx3060-12gb"]).estimates
    both, one, other = line.devices
    assert both.usable_bytes == one.usable_bytes + other.usable_bytes
    assert both.fits
    assert both.gpu_layers == both.layers == 33


def test_llama_cpp_takes_what_it_says_itself() -> None:
    (line,) = estimate("qwen2.5-7b", ["q4_k_m"], context=8192, kv_dtype="q8_0", gpus=["8GiB"]).estimates
    # tests/truth/llamacpp_gpu_logs.json: 4,168.09 MiB of weights and 238.00 MiB of cache on the device.
    (device,) = line.devices
    assert round(device.weights_bytes / 2**20, 2) == 4168.09  # type: ignore[operator]
    assert line.kv_cache_bytes == 238 * 2**20


def test_layers_that_do_not_fit_stay_in_ram() -> None:
    (line,) = estimate("llama-3.1-70b", ["q4_k_m"], gpus=["rtx4090"]).estimates
    (device,) = line.devices
    assert not device.fits
    assert device.layers == 81
    assert 0 < (device.gpu_layers or 0) < 81
    (named,) = estimate(
        "llama-3.1-70b", ["q4_k_m"], gpus=["rtx4090"], options=Options(gpu_layers=str(device.gpu_layers))
    ).estimates
    assert named.devices[0].fits
    more = Options(gpu_layers=str((device.gpu_layers or 0) + 1))
    (too_many,) = estimate("llama-3.1-70b", ["q4_k_m"], gpus=["rtx4090"], options=more).estimates
    assert not too_many.devices[0].fits


def test_experts_in_ram_make_room_for_all_else() -> None:
    (line,) = estimate("gpt-oss-120b", ["mxfp4_moe"], gpus=["rtx4090"]).estimates
    kept = line.devices[0].cpu_moe
    assert kept is not None
    (fewer,) = estimate("gpt-oss-120b", ["mxfp4_moe"], gpus=["rtx4090"], options=Options(n_cpu_moe=kept)).estimates
    assert fewer.devices[0].fits
    (one_less,) = estimate(
        "gpt-oss-120b", ["mxfp4_moe"], gpus=["rtx4090"], options=Options(n_cpu_moe=kept - 1)
    ).estimates
    assert not one_less.devices[0].fits


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (Options(tp=2), "--tp is an option of vllm"),
        (Options(ubatch=0), "--ubatch 0 is not possible"),
        (Options(n_cpu_moe=-1), "--n-cpu-moe -1 is not possible"),
        (Options(gpu_memory_utilization=1.5), "--gpu-memory-utilization 1.5 is not possible"),
        (Options(gpu_layers="most"), "'most' is not a number of layers"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: Options, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        estimate("llama-3.1-8b", ["q4_k_m"], gpus=["rtx4090"], options=options)


@pytest.mark.parametrize("kv", ["k=q8_0", "k=q8_0,v=", "a=1,b=2", "k=q4_k,v=fp16"])
def test_a_cache_type_that_cannot_be_meant_is_refused(kv: str) -> None:
    with pytest.raises((UsageError, NotFoundError)):
        estimate("llama-3.1-8b", ["q4_k_m"], kv_dtype=kv)


def test_speed_is_said_where_it_was_measured() -> None:
    (line,) = estimate("llama-3.1-8b", ["q4_k_m"], gpus=["rtx4090", "24GiB"]).estimates
    card, bare = line.devices
    low, high = card.tokens_per_second_range or (0, 0)
    assert low < (card.tokens_per_second or 0) < high
    assert 100 < (card.tokens_per_second or 0) < 200
    assert bare.tokens_per_second is None

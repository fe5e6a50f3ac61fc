"""``params``, ``compare``, ``fits``, ``needs`` and the lists, through Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmscale import compare, estimate, fits, needs, params
from llmscale.answers import lists
from llmscale.answers.results.fits import FitsOverview, FitsResult
from llmscale.devices.device import entry as device_entry
from llmscale.errors import LlmscaleError, NotFoundError, UsageError
from llmscale.model.describe import TIERS, attention, tier
from llmscale.sources.registry import load
from llmscale.units import GIB
from tests.helpers import TINY_TOTAL, tiny, write_config

# -- params ------------------------------------------------------------------------------------


def test_params_of_a_mixture() -> None:
    answer = params("deepseek-v3")
    count = answer.parameters
    assert count is not None
    assert count.total == sum(count.components.values()) == 671_026_419_200
    assert count.total == sum(line.parameters for line in answer.tensors if line.tied_to is None)
    assert count.embedding + count.non_embedding == count.total
    assert count.active - count.active_without_input_embedding == 129_280 * 7168
    assert answer.tier == "hundred-billion"
    assert answer.stated_parameters == 671_000_000_000
    assert any("multi-token-prediction" in warning for warning in answer.warnings)


def test_params_of_a_tied_model_and_of_a_size() -> None:
    count = params("gpt2").parameters
    assert count is not None
    assert count.untied_total - count.total == 50257 * 768
    assert count.active_without_input_embedding == count.total - 1024 * 768
    size = params("7B")
    assert size.parameters is not None
    assert (size.parameters.total, size.model.basis, size.stated_parameters) == (7 * 10**9, "assumed", None)
    assert params("seed1.5-thinking").disclosure


def test_params_of_a_file(tmp_path: Path) -> None:
    answer = params(str(write_config(tmp_path, tiny())))
    assert answer.parameters is not None
    assert answer.parameters.total == TINY_TOTAL
    assert answer.tier == "million"


@pytest.mark.parametrize(
    ("count", "name"),
    [
        (10**12, "trillion"),
        (10**12 - 1, "hundred-billion"),
        (7 * 10**9, "billion"),
        (10**10, "ten-billion"),
        (110_000_000, "hundred-million"),
        (10**7, "ten-million"),
        (1, "million"),
    ],
)
def test_tiers(count: int, name: str) -> None:
    assert tier(count).id == name
    assert [t.at_least for t in TIERS] == sorted((t.at_least for t in TIERS), reverse=True)


# -- compare -----------------------------------------------------------------------------------


def test_compare_puts_models_side_by_side() -> None:
    answer = compare(["llama-2-7b", "llama-2-70b", "gpt-4", "7B"])
    first, second, unknown, size = answer.models
    assert (first.ratio, unknown.ratio) == (1.0, None)
    assert second.ratio == pytest.approx(68_976_648_192 / 6_738_415_616)
    assert size.ratio == pytest.approx(7e9 / 6_738_415_616)
    assert second.memory == {"fp32": 4 * 68_976_648_192, "fp16": 2 * 68_976_648_192} | {
        "int8": 68_976_648_192,
        "int4": 68_976_648_192 // 2,
    }
    assert (unknown.basis, unknown.parameters, unknown.memory) == ("undisclosed", None, {})
    assert (size.layers, size.attention, size.publisher) == (None, None, None)
    assert (second.layers, second.hidden_size, second.attention) == (80, 8192, "GQA 64:8")
    assert any("GPT-4" in warning for warning in answer.warnings)
    assert compare(["gpt-4", "gpt2"]).models[1].ratio == 1.0


def test_compare_in_formats_asked_for_and_only_of_two_or_more() -> None:
    assert list(compare(["gpt2", "gpt2-xl"], ["half"]).models[0].memory) == ["fp16"]
    with pytest.raises(UsageError, match="two models"):
        compare(["gpt2"])


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("gpt2", ["MHA 12"]),
        ("falcon-7b", ["MQA 71:1"]),
        ("llama-3-8b", ["GQA 32:8"]),
        ("deepseek-v3", ["MLA", "512+64"]),
        ("gemma-2-9b", ["GQA 16:8", "window 4,096", "21", "42"]),
        ("gemma-3-27b", ["GQA 32:16", "window 1,024", "52", "62"]),
    ],
)
def test_attention_in_words(model: str, words: list[str]) -> None:
    said = attention(load(model).known())
    assert said is not None
    assert all(word in said for word in words)
    assert attention(load("7B").known()) is None


# -- fits --------------------------------------------------------------------------------------


PLAIN = ("fp32", "fp16", "int8", "int4")


@pytest.mark.parametrize(
    ("quants", "expected"),
    [
        (PLAIN, {"llama-2-7b": "fp16", "llama-2-13b": "int8", "llama-2-70b": "int4", "7B": "fp16"}),
        ((), {"llama-2-7b": "f16", "llama-2-13b": "q8_0", "llama-2-70b": "iq2_m", "vit-base": "fp16"}),
    ],
)
def test_fits_gives_the_quant_that_loses_least(quants: tuple[str, ...], expected: dict[str, str]) -> None:
    answer = fits("rtx4090", list(expected), quants=quants)
    assert isinstance(answer, FitsResult)
    assert {line.id: line.quant for line in answer.models} == expected
    assert {line.id for line in answer.models if not line.fits} == ({"llama-2-70b"} if quants else set())
    for line in answer.models:
        (same,) = estimate(line.id, [line.quant], gpus=["rtx4090"]).estimates
        (device,) = same.devices
        assert line.fits == device.fits
        assert line.max_context == (device.max_context if device.fits else None)
        assert line.total_bytes == device.usable_bytes - device.headroom_bytes
        assert (line.missing_bytes == 0) == line.fits
        assert line.context == (197 if line.id == "vit-base" else 4096)


def test_fits_counts_the_overhead_of_each_device() -> None:
    answer = fits("4x 24GiB", ["llama-2-70b"])
    assert isinstance(answer, FitsResult)
    (line,) = answer.models
    (same,) = estimate("llama-2-70b", [line.quant], gpus=["24GiB"]).estimates
    (alone,) = same.devices
    on_device = alone.usable_bytes - alone.headroom_bytes
    assert line.total_bytes == on_device + 3 * (same.overhead_bytes + same.compute_bytes)
    assert on_device < same.total_bytes, "the table of tokens stays in RAM"
    assert answer.device.memory_bytes - answer.device.usable_bytes == answer.device.reserve_bytes == 2 * GIB


def test_fits_shows_what_fits_first_then_what_just_misses() -> None:
    answer = fits("rtx3060-12gb")
    assert isinstance(answer, FitsResult)
    flags = [line.fits for line in answer.models]
    assert flags == sorted(flags, reverse=True)
    assert True in flags
    assert False in flags
    assert answer.hidden > 0
    assert all(line.missing_bytes <= answer.device.usable_bytes // 2 for line in answer.models)
    fitting = [line.parameters for line in answer.models if line.fits]
    assert fitting == sorted(fitting, reverse=True)
    everything = fits("rtx3060-12gb", everything=True)
    assert isinstance(everything, FitsResult)
    assert len(everything.models) == len(answer.models) + answer.hidden
    assert everything.hidden == 0


def test_fits_without_a_device_is_the_consumer_range() -> None:
    answer = fits(models=["7B", "70B"], quants=["int4"])
    assert isinstance(answer, FitsOverview)
    assert [one.device.memory_bytes // GIB for one in answer.devices] == [12, 16, 24]
    assert [[line.fits for line in one.models] for one in answer.devices] == [[True, False]] * 3


def test_fits_with_no_formats_is_refused_or_takes_the_usual_ones() -> None:
    try:
        answer = fits("rtx4090", ["gpt2"], quants=[])
    except LlmscaleError:
        return
    assert answer == fits("rtx4090", ["gpt2"])


# -- needs -------------------------------------------------------------------------------------


def test_needs_lists_devices_that_are_enough_smallest_first() -> None:
    answer = needs("llama-2-70b", ["int4"])
    sizes = [round(line.memory_bytes / line.count / GIB) * line.count for line in answer.devices]
    assert sizes == sorted(sizes)
    assert answer.hidden > 0
    for line in answer.devices:
        name = line.id if line.count == 1 else f"{line.count}x {line.id}"
        (same,) = estimate("llama-2-70b", ["int4"], gpus=[name]).estimates
        assert same.devices[0].fits
        assert same.devices[0].headroom_bytes == line.headroom_bytes
        if line.count == 2:
            (one,) = estimate("llama-2-70b", ["int4"], gpus=[line.id]).estimates
            assert not one.devices[0].fits
            price = device_entry(line.id).price_usd
            power = device_entry(line.id).power_w
            assert line.price_usd == (price * 2 if price else None)
            assert line.power_w == (power * 2 if power else None)
            assert line.kind not in ("laptop", "unified")
    assert any(line.count == 2 for line in answer.devices)


def test_needs_up_to_as_many_as_allowed() -> None:
    assert {line.count for line in needs("llama-2-70b", ["int4"], max_count=1).devices} == {1}
    many = needs("llama-2-70b", ["fp16"], max_count=8, everything=True)
    assert max(line.count for line in many.devices) > 2
    assert many.hidden == 0
    assert needs("deepseek-v3", ["fp32"]).devices == ()


@pytest.mark.parametrize("count", [0, -1, 1025])
def test_needs_a_sensible_number_of_devices(count: int) -> None:
    with pytest.raises(UsageError, match="--max-count"):
        needs("7B", max_count=count)


# -- lists -------------------------------------------------------------------------------------


def test_lists_are_filtered_by_any_name() -> None:
    everything = lists.list_models()
    assert len(everything.models) >= 110
    found = {line.id for line in lists.list_models("QWEN 2.5").models}
    assert {"qwen2.5-7b", "qwen2.5-72b"} <= found
    assert "qwen2-7b" not in found
    assert len(found) < 20
    assert lists.list_models("nosuchword").models == ()
    assert {line.basis for line in everything.models} == {"exact", "reported", "undisclosed"}
    assert {line.publisher for line in lists.list_models("moonshot").models} == {"Moonshot AI"}
    assert "llama-2-7b" in {line.id for line in lists.list_models("Llama-2-7b-chat").models}


def test_one_model_is_shown_whole() -> None:
    shown = lists.show_model("LLaMA 2 7B")
    assert (shown.model.id, shown.model.parameters, shown.model.basis) == ("llama-2-7b", 6_738_415_616, "exact")
    assert shown.config is not None
    assert shown.config["hidden_size"] == 4096
    assert "meta-llama/Llama-2-7b-hf" in shown.aliases
    assert lists.show_model("gpt-4").model.parameters is None
    assert lists.show_model("doubao").disclosure
    with pytest.raises(NotFoundError):
        lists.show_model("nosuch")


def test_devices_and_quants() -> None:
    (card,) = lists.show_device("RTX 4090").devices
    assert (card.id, card.memory_basis, card.vendor) == ("rtx4090", "exact", "NVIDIA")
    assert {line.vendor for line in lists.list_devices("amd").devices} == {"AMD"}
    assert {line.kind for line in lists.list_devices("unified").devices} == {"unified"}
    (form,) = lists.show_quant("half").quants
    assert (form.id, form.bits_per_weight, form.rules, form.weights_bytes) == ("fp16", 16, {"*": "fp16"}, None)
    assert {"int8", "int4"} <= {line.id for line in lists.list_quants("int").quants}
    (sized,) = lists.show_quant("int4", "llama-2-7b").quants
    assert (sized.weights_bytes, sized.weights_basis) == (6_738_415_616 // 2, "exact")

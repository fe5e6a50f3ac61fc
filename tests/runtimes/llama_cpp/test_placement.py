"""Where llama.cpp puts layers: each weight in one place, as many on the devices as they hold, the rest in RAM."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale import estimate, load
from llmscale.devices.sets import DeviceSet, device_set
from llmscale.errors import UsageError
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import number_format, quant
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.asked import settings_of
from llmscale.runtimes.llama_cpp.fitting import dealt, fewest_experts, most_layers
from llmscale.runtimes.llama_cpp.load import Load, gpu_layers, load_of, tensor_split, weights_by_layer
from llmscale.runtimes.llama_cpp.memory import held
from llmscale.runtimes.llama_cpp.placement import partly, place
from llmscale.runtimes.llama_cpp.settings import Offload
from llmscale.runtimes.llama_cpp.simulate import facts
from llmscale.runtimes.llama_cpp.simulator.buffers import buffers
from llmscale.runtimes.placed import CACHE, COMPUTE, WEIGHTS, LayerSplit, Placement, Usage, Verdict
from llmscale.runtimes.subject import Exact
from llmscale.units import GIB


def subject(model: str, form: str = "q4_k_m") -> Exact:
    found = model_of(load(model).known()).subject(quant(form), "llama.cpp")
    assert isinstance(found, Exact)
    return found


def work(context: int = 8192, **options: Any) -> Workload:
    return Workload(context, 1, number_format("fp16"), 2, None, tuple(options.items()))


def part(usage: Usage, kind: str) -> int:
    return sum(one.size.value for one in usage.parts if one.kind == kind)


@pytest.mark.parametrize(
    ("model", "form"), [("llama-3.1-8b", "q4_k_m"), ("llama-3.2-1b", "q8_0"), ("gpt-oss-20b", "mxfp4_moe")]
)
def test_weights_are_on_one_device_or_in_ram(model: str, form: str) -> None:
    """Each weight is in one place, but for a table that is the output as well: that is on a device besides."""
    it = subject(model, form)
    known, weights, settings = facts(it.spec), weights_by_layer(it), settings_of(work())
    for layers, cpu_moe in ((0, 0), (1, 0), (7, 3), (99, 4), (99, 99)):
        split = Offload(devices=2, gpu_layers=layers, split=(3.0, 1.0), cpu_moe=cpu_moe)
        twice = weights.tied if layers else 0
        assert sum(one.weights for one in held(known, settings, weights, split)) == it.weights.value + twice
    assert (weights.tied > 0) == (model == "llama-3.2-1b")


@pytest.mark.parametrize("offload", [True, False])
def test_what_is_not_on_the_devices_is_in_ram(offload: bool) -> None:
    it = subject("llama-3.1-8b")
    known, settings = facts(it.spec), settings_of(work(kv_offload=offload))
    device, ram = held(known, settings, weights_by_layer(it), Offload(devices=1, gpu_layers=10))
    expected = buffers(known, settings, Offload(devices=1, gpu_layers=10))
    assert (device.cache, ram.cache) == expected.cache
    assert (device.compute, ram.compute) == (expected.compute[0], expected.compute[1] + expected.output)
    assert (device.cache > 0) == offload


def spare(load_: Load, layers: int) -> int:
    return load_.spare(load_.offload._replace(gpu_layers=layers))


@pytest.mark.parametrize("devices", ["rtx4090", "2x rtx3060-12gb", "48GiB + 3GiB"])
def test_as_many_layers_as_fit_and_not_one_more(devices: str) -> None:
    load_ = load_of(subject("llama-3.1-70b"), work(), device_set(devices))
    most = most_layers(load_, load_.offload)
    assert 0 < most < load_.layers
    assert spare(load_, most) >= 0 > spare(load_, most + 1)


def test_as_few_experts_in_ram_as_make_the_rest_fit() -> None:
    load_ = load_of(subject("gpt-oss-120b", "mxfp4_moe"), work(), device_set("rtx4090"))
    fewest = fewest_experts(load_, load_.offload)
    assert fewest is not None
    assert load_.spare(fewest) >= 0
    assert load_.spare(fewest._replace(cpu_moe=fewest.cpu_moe - 1)) < 0


def test_several_devices_are_filled_one_after_another() -> None:
    """Of Qwen3-235B-A22B a pair of RTX 3090 holds many layers without experts on the first, few whole ones behind."""
    it, devices = subject("qwen3-235b-a22b"), device_set("2x rtx3090")
    placed = place(it, work(ram=256 * GIB), devices)
    assert placed.fits is Verdict.YES
    assert placed.layers is not None
    first, second = placed.layers.split
    assert first + second == placed.layers.total
    assert first > 2 * second > 0
    assert min(usage.used / usage.budget for usage in placed.devices) > 0.85
    even = place(it, work(ram=256 * GIB, tensor_split="1,1"), devices)
    assert even.layers is not None
    assert even.layers.split == ()
    assert even.layers.on_devices < even.layers.total or even.layers.cpu_moe > placed.layers.cpu_moe
    assert part(even.host, WEIGHTS) > part(placed.host, WEIGHTS)


def test_layers_are_dealt_by_what_they_take() -> None:
    assert dealt([1, 1, 1, 5, 5], [3, 5, 5]) == ([3, 1, 1], True)
    assert dealt([1, 1, 1, 5, 5], [2, 5, 5]) == ([2, 1, 2], False)
    assert dealt([5, 1], [4, 6]) == ([0, 2], True)


@pytest.mark.parametrize(("text", "shares"), [("", ()), ("3,1", (3, 1)), ("0.5/1.5", (0.5, 1.5)), ("1,0", (1, 0))])
def test_shares_that_are_said(text: str, shares: tuple[float, ...]) -> None:
    assert tensor_split(work(tensor_split=text), device_set("2x rtx3090")) == shares


@pytest.mark.parametrize("text", ["3;1", "a,b", "-1,2", "0,0", "1,2,3", "1e3,1", ",", "1,"])
def test_shares_that_cannot_be_meant(text: str) -> None:
    with pytest.raises(UsageError, match="--tensor-split"):
        place(subject("llama-3.1-8b"), work(tensor_split=text), device_set("2x rtx3090"))


def test_the_shares_that_are_said_are_taken() -> None:
    large, small = place(subject("llama-3.1-8b"), work(tensor_split="3,1"), device_set("2x rtx3090")).devices
    assert 2 < part(large, WEIGHTS) / part(small, WEIGHTS) < 4


def test_the_experts_of_all_layers_may_stay_in_ram() -> None:
    it, devices = subject("gpt-oss-120b", "mxfp4_moe"), device_set("rtx4090")
    assert place(it, work(cpu_moe=True), devices) == place(it, work(n_cpu_moe=36), devices)


def test_unlike_devices_get_layers_by_what_they_have() -> None:
    placed = place(subject("llama-3.1-70b"), work(), device_set("48GiB + 12GiB"))
    assert placed.fits is Verdict.YES
    large, small = placed.devices
    # Two of the mean would not tell the large one from the small one.
    assert part(large, WEIGHTS) > 3 * part(small, WEIGHTS) > 0


@pytest.mark.parametrize(
    ("asked", "expected"),
    [({}, None), ({"gpu_layers": "all"}, None), ({"gpu_layers": "auto"}, None), ({"gpu_layers": "12"}, 12)],
)
def test_what_is_said_of_layers(asked: dict[str, Any], expected: int | None) -> None:
    assert gpu_layers(work(**asked)) == expected


@pytest.mark.parametrize("text", ["most", "-1", "1.5", "9" * 10])
def test_what_cannot_be_meant_of_layers(text: str) -> None:
    with pytest.raises(UsageError, match="not a number of layers"):
        gpu_layers(work(gpu_layers=text))


def test_layers_that_are_named_lie_there_and_no_more_than_there_are() -> None:
    it, devices = subject("llama-3.1-8b"), device_set("rtx4090")
    assert place(it, work(gpu_layers="10"), devices).layers == LayerSplit(10, 33)
    assert place(it, work(gpu_layers="99"), devices) == place(it, work(), devices)
    nothing = place(it, work(gpu_layers="0"), devices)
    assert part(nothing.devices[0], WEIGHTS) == part(nothing.devices[0], CACHE) == 0
    assert part(nothing.devices[0], COMPUTE) > 0, "large batches are computed there all the same"
    assert part(nothing.host, WEIGHTS) == it.weights.value


def test_nothing_is_put_elsewhere_where_the_options_say_what_goes_where() -> None:
    it, devices = subject("llama-3.1-70b"), device_set("rtx4090")
    for options in ({"gpu_layers": "10"}, {"gpu_layers": "all"}, {"ram": 64 * GIB}):
        assert partly(it, work(**options), devices) is None


def fitted(devices: DeviceSet, **options: Any) -> Placement:
    found = partly(subject("llama-3.1-70b"), work(**options), devices)
    assert found is not None
    return found


def test_what_runs_in_part_fits_and_all_of_it_is_somewhere() -> None:
    it = subject("llama-3.1-70b")
    found = fitted(device_set("2x rtx3060-12gb"))
    assert found.fits is Verdict.YES
    assert found.of(WEIGHTS).value == it.weights.value
    whole = place(it, work(), device_set("2x rtx3060-12gb"))
    assert whole.fits is Verdict.NO
    assert found.of(CACHE).value == whole.of(CACHE).value


@pytest.mark.parametrize(("cpu_moe", "experts"), [(0, ()), (5, ()), (0, (3, 20)), (24, ())])
def test_sizes_of_layers_add_up_to_what_a_device_holds(cpu_moe: int, experts: tuple[int, ...]) -> None:
    for options in ({}, {"kv_offload": False}):
        load_ = load_of(subject("gpt-oss-20b", "mxfp4_moe"), work(**options), device_set("rtx4090"))
        offload = load_.offload._replace(cpu_moe=cpu_moe, cpu_experts=experts)
        device = load_.held(offload)[0]
        assert sum(load_.sizes(offload)) == device.weights + device.cache + device.state


def test_what_a_load_leaves_is_its_budget_less_all_that_is_there() -> None:
    load_ = load_of(subject("llama-3.1-8b"), work(), device_set("2x rtx3090"), margin=GIB)
    held_ = load_.held(load_.offload)[:-1]
    budgets = device_set("2x rtx3090").budgets
    left = [
        budget - GIB - process - one.total for budget, process, one in zip(budgets, load_.process, held_, strict=True)
    ]
    assert load_.spare(load_.offload) == min(left)
    assert load_.rooms(load_.offload) == [room + one.total - one.compute for room, one in zip(left, held_, strict=True)]
    assert load_.fits(load_.offload)
    tight = load_._replace(budgets=tuple(budget - GIB - min(left) for budget in budgets))
    assert tight.fits(tight.offload)
    short = tight._replace(budgets=tuple(budget - 1 for budget in tight.budgets))
    assert not short.fits(short.offload)
    assert short.may_fit(short.offload)


def test_a_processor_alone_has_all_layers_in_its_ram() -> None:
    """As llama.cpp counts them, the output as one: "offloaded 0/33 layers to GPU"."""
    (found,) = estimate("llama-3.1-8b", ["q4_k_m"], runtime="llama.cpp", gpus=["cpu"]).estimates[0].devices
    assert (found.gpu_layers, found.layers) == (0, 33)

"""What is told to stay in RAM by name or by layer, and on which devices the rest then lies."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.devices.sets import device_set
from llmscale.errors import UsageError
from llmscale.runtimes.llama_cpp.overrides import layers_in_ram
from llmscale.runtimes.llama_cpp.placement import partly, place
from llmscale.runtimes.placed import COMPUTE, OVERHEAD, WEIGHTS, LayerSplit, Verdict
from llmscale.units import GIB
from tests.helpers import good
from tests.runtimes.llama_cpp.test_placement import part, subject, work


@pytest.mark.parametrize(
    ("rules", "layers"),
    [
        ("exps=CPU", range(48)),
        (".ffn_.*_exps.=CPU", range(48)),
        (r"blk\.(1|3|40)\.ffn_.*_exps=CPU", (1, 3, 40)),
        (r"blk\.[0-9]\..*_exps=CPU,blk\.1[0-9]\..*_exps=cpu", range(20)),
    ],
)
def test_experts_by_name(rules: str, layers: Any) -> None:
    assert layers_in_ram(subject("qwen3-30b-a3b"), rules) == tuple(layers)


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ("exps", "is no rule"),
        ("=CPU", "is no rule"),
        ("exps=CUDA1", "only what goes to the CPU"),
        ("(=CPU", "no regular expression"),
        ("(a+)+$=CPU", "no regular expression"),
        ("x" * 501 + "=CPU", "longer than"),
        ("nothing=CPU", "matches no experts"),
        ("ffn_up_exps=CPU", "only some experts' matrices of layer 0"),
        ("attn=CPU", "also matches blk.0.attn"),
    ],
)
def test_rules_that_are_not_modelled(rules: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        layers_in_ram(subject("qwen3-30b-a3b"), rules)


def test_names_and_layers_mean_the_same() -> None:
    """`exps=CPU` is ``--cpu-moe``, and the first layers by name are those of ``--n-cpu-moe``."""
    it, devices = subject("gpt-oss-20b", "mxfp4_moe"), device_set("rtx3060-12gb")
    for told, rules in (({"cpu_moe": True}, "exps=CPU"), ({"n_cpu_moe": 3}, r"blk\.[012]\..*_exps=CPU")):
        by_layer, by_name = place(it, work(**told), devices), place(it, work(override_tensor=rules), devices)
        assert by_layer[:3] == by_name[:3]
        assert by_layer.layers is not None
        assert by_name.layers is not None
        assert by_layer.layers.experts_in_ram == by_name.layers.experts_in_ram > 0
        assert not by_name.layers.whole


def test_layers_in_the_middle_leave_the_devices_they_are_on() -> None:
    it, devices = subject("qwen3-30b-a3b"), device_set("2x rtx3090")
    whole = place(it, work(), devices)
    some = place(it, work(override_tensor=r"blk\.4[0-7]\..*_exps=CPU"), devices)
    assert part(some.devices[0], WEIGHTS) == part(whole.devices[0], WEIGHTS)
    assert part(some.devices[1], WEIGHTS) < part(whole.devices[1], WEIGHTS)
    moved = part(whole.devices[1], WEIGHTS) - part(some.devices[1], WEIGHTS)
    assert part(some.host, WEIGHTS) - part(whole.host, WEIGHTS) == moved


def test_experts_that_are_named_leave_all_layers_on_devices() -> None:
    """Too many experts on a card are no reason to take other layers off it: llama.cpp then changes nothing."""
    it, devices = subject("gpt-oss-120b", "mxfp4_moe"), device_set("rtx3060-12gb")
    placed = place(it, work(n_cpu_moe=10, ram=128 * GIB), devices)
    assert placed.fits is Verdict.NO
    assert placed.layers == LayerSplit(37, 37, 10)
    assert partly(it, work(n_cpu_moe=10), devices) is None


def test_devices_hold_layers_without_experts_and_whole_ones_evenly() -> None:
    """Equal shares put all experts on the last card, which cannot hold those of 20 layers."""
    it, devices = subject("gpt-oss-120b", "mxfp4_moe"), device_set("2x rtx3090")
    equal = place(it, work(n_cpu_moe=16, tensor_split="1,1"), devices)
    assert equal.fits is Verdict.NO
    placed = place(it, work(n_cpu_moe=16), devices)
    assert placed.fits is Verdict.YES
    assert placed.layers is not None
    first, second = placed.layers.split
    assert first + second == 37
    assert first > 16
    used = [usage.used for usage in placed.devices]
    assert max(used) < 1.2 * min(used)


@pytest.mark.parametrize("main", [0, 1])
def test_one_device_of_several(main: int) -> None:
    it = subject("llama-3.1-8b")
    alone = place(it, work(), device_set("rtx3090"))
    placed = place(it, work(split_mode="none", main_gpu=main), device_set("2x rtx3090"))
    assert placed.devices[main] == alone.devices[0]
    assert placed.devices[1 - main].used == 0
    assert placed.host == alone.host


def test_one_device_of_several_is_no_larger() -> None:
    it, devices = subject("llama-3.1-70b"), device_set("4x rtx3090")
    assert place(it, work(), devices).fits is Verdict.YES
    assert place(it, work(split_mode="none"), devices).fits is Verdict.NO
    part_of_it = place(it, work(split_mode="none", ram=128 * GIB), devices)
    assert part_of_it.fits is Verdict.YES
    assert [usage.used > 0 for usage in part_of_it.devices] == [True, False, False, False]
    assert part(part_of_it.devices[1], OVERHEAD) == part(part_of_it.devices[1], COMPUTE) == 0


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"split_mode": "row"}, "not modelled"),
        ({"split_mode": "tensor"}, "not modelled"),
        ({"main_gpu": 2}, "not there"),
    ],
)
def test_ways_to_share_that_are_refused(told: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        place(subject("llama-3.1-8b"), work(**told), device_set("2x rtx3090"))


def test_the_command_says_what_was_told_and_what_was_chosen() -> None:
    model = ("estimate", "qwen3-30b-a3b", "-q", "q4_k_m", "--command", "--width", "250")
    told = good(*model, "--gpu", "rtx3090", "-ot", r"blk\.[0-9]\..*_exps=CPU").out
    assert r"-ngl 49 -ot 'blk\.[0-9]\..*_exps=CPU'" in told
    told = good(*model, "--gpu", "2x rtx3090", "--split-mode", "none", "--main-gpu", "1").out
    assert "-sm none -mg 1" in told
    told = good(*model, "--gpu", "2x 8GiB", "--n-cpu-moe", "20").out
    assert "-ngl 49 --n-cpu-moe 20 -ts" in told

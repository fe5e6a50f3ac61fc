"""``needs``: which devices a model takes, within a price, a kind and a count."""

from __future__ import annotations

import json
import re

import pytest

from llmscale.answers.estimate import estimate
from llmscale.answers.needs import needs
from llmscale.devices.device import entry as device_entry
from llmscale.errors import UsageError
from llmscale.units import GIB
from tests.helpers import good, said

MODEL = "llama-3.1-8b"


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
        assert same.devices[0].used_bytes == line.used_bytes == line.usable_bytes - line.free_bytes
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


def test_what_costs_more_or_has_no_price_is_left_out() -> None:
    everything = needs(MODEL, ["q4_k_m"], everything=True).devices
    within = needs(MODEL, ["q4_k_m"], everything=True, max_price=1000).devices
    assert within == tuple(one for one in everything if one.price_usd is not None and one.price_usd <= 1000)
    assert 0 < len(within) < len(everything)
    names = {re.split("[: ]", one.id)[0] for one in everything}
    without = sum(device_entry(name).price_usd is None for name in names)
    assert said(needs(MODEL, ["q4_k_m"], max_price=1000)) == [
        f"{without} more would be enough; the catalogue has no price of theirs (--max-price)."
    ]
    assert not needs(MODEL, ["q4_k_m"]).notes


def test_a_price_is_of_all_devices_together() -> None:
    pairs = [one for one in needs("llama-3.1-70b", ["q4_k_m"], everything=True).devices if one.count == 2]
    priced = next(one for one in pairs if one.price_usd)
    assert priced.price_usd == 2 * (device_entry(priced.id).price_usd or 0)
    dearest = needs("llama-3.1-70b", ["q4_k_m"], everything=True, max_price=priced.price_usd - 1).devices
    assert priced not in dearest


@pytest.mark.parametrize("kind", ["consumer", "datacentre", "workstation", "laptop", "unified"])
def test_only_devices_of_a_kind(kind: str) -> None:
    found = needs(MODEL, ["q4_k_m"], kinds=[kind]).devices
    assert {one.kind for one in found} == {kind}


def test_apple_is_unified_memory_of_one_vendor() -> None:
    apple = needs(MODEL, ["q4_k_m"], kinds=["Apple"], everything=True).devices
    unified = needs(MODEL, ["q4_k_m"], kinds=["unified"], everything=True).devices
    assert {device_entry(re.split("[: ]", one.id)[0]).vendor for one in apple} == {"Apple"}
    assert (
        apple == tuple(one for one in unified if device_entry(re.split("[: ]", one.id)[0]).vendor == "Apple") != unified
    )


def test_several_kinds_are_all_shown() -> None:
    found = needs(MODEL, ["q4_k_m"], kinds=["laptop", "datacenter"]).devices
    assert {one.kind for one in found} == {"laptop", "datacentre"}


def test_the_count_bounds_every_option() -> None:
    assert {one.count for one in needs("llama-3.1-70b", max_count=1).devices} == {1}
    assert 4 in {one.count for one in needs("llama-3.1-70b", ["f16"], max_count=4, everything=True).devices}


@pytest.mark.parametrize("price", [0, -1, float("nan"), float("inf")])
def test_a_price_that_cannot_be_meant(price: float) -> None:
    with pytest.raises(UsageError, match="--max-price"):
        needs(MODEL, max_price=price)


@pytest.mark.parametrize("kind", ["", "gpu", "apples"])
def test_a_kind_that_nobody_knows(kind: str) -> None:
    with pytest.raises(UsageError, match="no kind of device"):
        needs(MODEL, kinds=[kind])


def test_the_speed_is_that_of_the_runtime_asked_for() -> None:
    """A quant's own runtime is another one than SGLang, whose factors for these devices are not the same."""
    answer = needs("llama-3.1-8b", ["bf16"], runtime="sglang", kinds=["datacentre"], everything=True)
    (line,) = [device for device in answer.devices if device.id == "h100"]
    (same,) = estimate("llama-3.1-8b", ["bf16"], runtime="sglang", gpus=["h100"]).estimates
    assert line.tokens_per_second is not None
    assert line.tokens_per_second == same.devices[0].tokens_per_second


def test_each_row_is_a_larger_memory_that_a_better_quant_fits() -> None:
    answer = needs("llama-3.3-70b")
    sizes = [line.memory_bytes for line in answer.devices]
    places = [answer.quants.index(line.quant) for line in answer.devices]
    assert sizes == sorted(set(sizes))
    assert places == sorted(set(places), reverse=True)
    assert {line.kind for line in answer.devices} == {"consumer"}
    pair = next(line for line in answer.devices if line.quant == "q4_k_m")
    assert "2x rtx3090" in (f"{pair.count}x {pair.id}", *pair.others)


def test_the_cheapest_of_a_size_is_named_and_the_others_are_as_good() -> None:
    (first, *_) = needs("qwen3-8b").devices
    assert first.others
    for name in first.others:
        other = device_entry(name)
        assert (other.price_usd or 0) >= (first.price_usd or 0)
        assert round(other.memory_gib) == round(device_entry(first.id).memory_gib)


def test_what_no_consumer_card_holds_is_shown_on_what_does() -> None:
    assert {line.kind for line in needs("deepseek-v3").devices} == {"datacentre"}


def test_of_a_device_sold_with_several_sizes_the_smallest_that_is_enough_is_there() -> None:
    every = needs("llama-3.1-70b", ["iq4_xs"], kinds=["apple"], everything=True).devices
    chip = [line for line in every if line.id.startswith("m3-max:")]
    assert [line.id for line in chip] == ["m3-max:48GB", "m3-max:64GB", "m3-max:96GB", "m3-max:128GB"]
    for line in chip:
        (device,) = estimate("llama-3.1-70b", ["iq4_xs"], gpus=[line.id]).estimates[0].devices
        assert (device.used_bytes, device.free_bytes, device.fits) == (line.used_bytes, line.free_bytes, True)
    (least,) = estimate("llama-3.1-70b", ["iq4_xs"], gpus=["m3-max:36GB"]).estimates[0].devices
    assert not least.fits


def test_with_ram_beside_it_a_row_says_what_lies_there_and_what_holds_all() -> None:
    found = needs("qwen3-30b-a3b", options={"ram": "32GB"}).devices
    assert [one.in_part for one in found] == sorted((one.in_part for one in found), reverse=True)
    part, whole = found[0], next(one for one in found if not one.in_part)
    assert part.memory_bytes < whole.memory_bytes
    assert part.host_bytes > 10 * GIB > whole.host_bytes
    told = good("needs", "qwen3-30b-a3b", "--ram", "32GB", "--width", "80").out
    first = " ".join(told.splitlines()[:2])
    assert f"from {part.id} on, in {part.quant.upper()} with ~{part.host_bytes / GIB:.2f} GiB in RAM" in first
    assert first.endswith(f"all of it on devices from {whole.count}x {whole.id} on.")
    assert "RAM: what layers or experts take there." in told
    assert "RAM is taken to read 51–96 GB/s" in told
    assert "in_part" not in json.loads(good("needs", "qwen3-30b-a3b", "--ram", "32GB", "-o", "json").out)["devices"][0]


@pytest.mark.parametrize(
    ("said_of_ram", "told"), [([], "51–96 GB/s"), (["--ram-bandwidth", "60GB/s"], "slower than 10")]
)
def test_a_dense_model_in_ram_is_left_out_and_that_is_said(said_of_ram: list[str], told: str) -> None:
    asked = ["needs", "llama-3.1-70b", "--ram", "64GB", *said_of_ram, "--width", "200"]
    screen = good(*asked).out
    assert "gtx" not in screen
    assert told in screen
    assert "--all" in screen
    assert "gtx" in good(*asked, "--all").out


def test_where_nothing_holds_all_a_part_in_ram_is_an_answer() -> None:
    (first, *_) = needs("llama-3.1-405b", options={"ram": "256GB"}, max_count=1, kinds=["consumer"]).devices
    assert first.in_part
    assert "RAM" in good("needs", "llama-3.1-405b", "--ram", "256GB", "--max-count", "1", "--kind", "consumer").out


def test_what_is_said_of_layers_is_not_overruled_by_ram() -> None:
    """`-ngl 10` is a split of one's own, so no row has all on the card."""
    for one in needs("qwen3-8b", ["q4_k_m"], options={"ram": "32GB", "gpu_layers": "10"}).devices:
        assert one.in_part


@pytest.mark.parametrize(
    ("model", "options", "published"),
    [
        ("kimi-k2.5", (), "W4A16-G32-EXPERTS"),
        ("kimi-k2.5", ("--runtime", "vllm"), "W4A16-G32-EXPERTS"),
        ("gpt-oss-120b", (), "MXFP4_MOE"),
        ("gpt-oss-120b", ("--runtime", "sglang"), "MXFP4"),
        ("deepseek-v3", (), "FP8-BLOCK"),
        ("deepseek-v3", ("--runtime", "vllm"), "FP8-BLOCK"),
    ],
)
def test_what_is_published_quantised_is_named_first(model: str, options: tuple[str, ...], published: str) -> None:
    """Also where more devices are wanted for it than for what loses more; in no format of another model's files."""
    first = good("needs", model, *options, "--width", "200").out.splitlines()[0]
    assert re.search(rf": from [^;]* on,? in {published}[.,]", first)
    found = good("needs", model, *options, "-o", "json").json()
    others = {"w4a16-g32-experts", "fp8-fp4-experts", "fp8-block", "mxfp4"} - {published.lower()}
    assert not others & {line["quant"] for line in found["devices"]}
    if ", as it is published; from " in first:
        assert f"按发布的格式 {published}" in good("needs", model, *options, "--lang", "zh", "--width", "200").out
    sizes = [round(line["memory_bytes"] / line["count"] / GIB) * line["count"] for line in found["devices"]]
    assert sizes == sorted(sizes)

"""Speeds against published ones (`tests/truth/speed.json`): what `data/speed.yaml` says of itself must be so."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from statistics import median
from typing import Any

import pytest
import yaml

from llmscale.answers.estimate import estimate
from llmscale.devices.device import entry as device_entry
from llmscale.speed.classes import slow_fp16
from llmscale.speed.predict import Speed, Stage, decode, first_token, prefill
from llmscale.speed.table import host_setup, setup
from tests.helpers import TRUTH

ROOT = TRUTH.parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
from speed_fit import decode as decode_fit  # noqa: E402
from speed_fit import prefill as prefill_fit  # noqa: E402
from speed_fit import study  # noqa: E402
from speed_fit.ranges import spread  # noqa: E402
from speed_fit.rows import SPARE_BYTES, Row, rows  # noqa: E402

TABLE = yaml.safe_load((ROOT / "data" / "speed.yaml").read_text())
#: An id of each class of formats.
FORMAT_IDS = {"float": "fp16", "k": "q4_k_m", "q8": "q8_0", "iq": "iq4_xs", "exl": "exl2", "mlx": "4bit"}


@cache
def usable() -> tuple[Row, ...]:
    return tuple(rows()[0])


def stages(row: Row, unseen: bool = False) -> list[Stage]:
    """The row as the library's user would put it."""
    known = device_entry(row.device)
    # Of a chip with fewer cores the row is what they can do.
    device = replace(
        known,
        bandwidth_gb_s=row.bandwidth / 1e9,
        fp32_tflops=row.shaders and row.shaders / 1e12,
        fp16_tflops=known.fp16_tflops if slow_fp16(known) else row.flops and row.flops / 1e12,
    )
    shares = 1 if row.tensor_parallel else row.count
    found = setup(
        TABLE,
        row.runtime,
        replace(device, id="unseen") if unseen else device,
        FORMAT_IDS.get(row.format, row.format),
        count=row.count // shares,
        flash=row.flash,
    )
    assert found is not None
    return [Stage(row.load.share(1 / shares), found)] * shares


def predicted(row: Row) -> Speed:
    """Tokens per second of the row, its prefill's time included where the source includes it."""
    speed = decode(stages(row))
    start = first_token(stages(row), row.prompt_flops, row.prompt, row.chunk) if row.prompt_share else None
    if start is None:
        return speed

    def whole(rate: float, wait: float) -> float:
        return 1 / (1 / rate + wait * row.prompt_share)

    return Speed(whole(speed.value, start.value), whole(speed.low, start.high), whole(speed.high, start.low), True)


def on_devices() -> list[Row]:
    return [row for row in usable() if row.device_class != "cpu"]


def misses(sample: list[Row], of: Callable[[Row], float]) -> list[float]:
    return sorted(abs(predicted(row).value / of(row) - 1) for row in sample)


def test_decode_on_known_devices_is_as_near_as_is_aimed_for() -> None:
    sample = on_devices()
    off = misses(sample, lambda row: row.decode)
    assert len(sample) > 600
    assert median(off) <= 0.15
    assert off[int(0.9 * len(off))] <= 0.35


def test_left_out_models_and_devices_are_as_near_as_is_aimed_for() -> None:
    accuracy = TABLE["accuracy"]["decode"]
    assert accuracy["unseen_model"]["median"] <= 15
    assert accuracy["unseen_model"]["p90"] <= 35
    assert accuracy["unseen_device"]["median"] <= 15


@pytest.mark.parametrize("runtime", ["llama.cpp", "vllm"])
def test_the_ranges_hold_the_truth(runtime: str) -> None:
    sample = [row for row in on_devices() if row.runtime == runtime]
    inside = sum(predicted(row).low <= row.decode <= predicted(row).high for row in sample)
    assert inside / len(sample) >= 0.95


def test_the_table_says_what_its_ranges_cover_of_what_was_left_out() -> None:
    for kinds in TABLE["coverage"].values():
        assert all(each["share"] >= 0.95 for each in kinds.values())


def test_prefill_of_known_devices() -> None:
    sample = [row for row in on_devices() if row.prefill and stages(row)[0].setup.prefill]
    speeds = [prefill(stages(row), row.prompt_flops, row.prompt, row.chunk) for row in sample]
    ratios = [
        (speed.value / row.prefill, speed, row)
        for speed, row in zip(speeds, sample, strict=True)
        if speed and row.prefill
    ]
    assert len(ratios) > 100
    assert median(abs(ratio - 1) for ratio, _, _ in ratios) <= 0.15
    inside = sum(speed.low <= (row.prefill or 0) <= speed.high for _, speed, row in ratios)
    assert inside / len(ratios) >= 0.95


def test_no_row_of_the_truth_is_predicted_above_its_roofline() -> None:
    for row in on_devices():
        assert predicted(row).high <= 1 / decode_fit.ideal(row) * (1 + 1e-9)


def unless_rows_were_added(said: dict[str, Any], found: study.Class) -> None:
    """Skip where the table has not seen all rows: `make lint` says so, and `make speed` shows them to it."""
    assert said["rows"] <= found.kept
    if said["rows"] < found.kept:
        pytest.skip("data/speed.yaml is stale: run make speed")


@pytest.mark.parametrize(("runtime", "name"), [("vllm", "nvidia-hbm"), ("llama.cpp", "nvidia-hbm")])
def test_the_figures_of_the_table_are_those_of_the_fit(runtime: str, name: str) -> None:
    """Two classes are fitted again, with all that is left out; `fit_speed.py --check` does it for all."""
    mine = [row for row in usable() if row.runtime == runtime]
    found = study.study([row for row in mine if row.device_class == name], study.study(mine, None).law)
    said: dict[str, Any] = TABLE["runtimes"][runtime][name]
    unless_rows_were_added(said, found)
    assert said["error"] == {
        "in_sample": spread(found.errors.inside),
        "unseen_model": spread(found.errors.model),
        "unseen_device": spread(found.errors.device),
    }
    assert said["launch_us"] == pytest.approx(found.law.value("launch_us"), rel=1e-3)


def test_the_fit_and_the_library_give_the_same_speed() -> None:
    mine = [row for row in usable() if row.runtime == "llama.cpp"]
    own = [row for row in mine if row.device_class == "nvidia-hbm"]
    found = study.study(own, study.study(mine, None).law)
    unless_rows_were_added(TABLE["runtimes"]["llama.cpp"]["nvidia-hbm"], found)
    for row in own:
        assert decode(stages(row)).value == pytest.approx(1 / decode_fit.seconds(found.law, row), rel=2e-3)


def test_one_bandwidth_of_the_host_explains_all_models_that_lie_on_both_sides() -> None:
    """Of the host of the RTX 2080 nothing is known but that what its memory must do has to be the same each time."""
    bandwidths = [host_bandwidth(row) for row in rows(whole=False)[0] if row.device == "rtx2080"]
    middle = median(bandwidths)
    assert len(bandwidths) >= 6
    assert 50e9 < middle < 90e9
    assert all(abs(bandwidth / middle - 1) < 0.3 for bandwidth in bandwidths)


def host_bandwidth(row: Row) -> float:
    """Bytes per second of the host's memory at which the law gives the row's speed, the card being full."""
    device = device_entry(row.device)
    share = (device.memory - SPARE_BYTES) / (row.load.weight_bytes + row.load.expert_bytes + row.load.cache_bytes)
    card = Stage(row.load.share(share), stages(row)[0].setup)
    slow, fast = 1e9, 1e12
    for _ in range(50):
        middle = math.sqrt(slow * fast)
        host = host_setup(TABLE, row.runtime, middle, FORMAT_IDS.get(row.format, row.format))
        assert host is not None
        faster = decode([card, Stage(row.load.share(1 - share), host)]).value < row.decode
        slow, fast = (middle, fast) if faster else (slow, middle)
    return slow


def test_batches_are_as_fast_as_llama_cpp_reads_so_many_tokens_at_a_time() -> None:
    truth = json.loads((TRUTH / "speed_batches.json").read_text())
    rows = [dict(zip(truth["columns"], values, strict=True)) for values in truth["rows"]]
    assert {row["device"] for row in rows} >= {"p40", "rtx3090", "rtx4090"}
    ratios = []
    for row in rows:
        asked = estimate(truth["model"], [row["quant"]], context=1, batch=row["together"], gpus=[row["device"]])
        device = asked.estimates[0].devices[0]
        assert device.tokens_per_second is not None
        assert device.tokens_per_second_range is not None
        low, high = device.tokens_per_second_range
        assert low <= row["tokens_per_second"] <= high
        ratios.append(device.tokens_per_second / row["tokens_per_second"])
    assert len(ratios) >= 18
    assert median(abs(ratio - 1) for ratio in ratios) <= 0.2
    assert max(abs(ratio - 1) for ratio in ratios) <= 0.5


def test_steps_of_vllm_alone_in_batches_and_in_tensor_parallel() -> None:
    truth = json.loads((TRUTH / "speed_vllm.json").read_text())
    rows = [dict(zip(truth["columns"], values, strict=True)) for values in truth["rows"]]
    # Alone and several together, on one card and in tensor parallel.
    assert {(row["together"] > 1, row["count"] > 1) for row in rows} == {(a, b) for a in (0, 1) for b in (0, 1)}
    ratios = []
    for row in rows:
        gpu = f"{row['count']}x {row['device']}"
        asked = {"context": row["tokens"], "batch": row["together"], "gpus": [gpu], "runtime": "vllm"}
        device = estimate(row["model"], [row["quant"]], **asked).estimates[0].devices[0]
        assert device.tokens_per_second is not None
        assert device.tokens_per_second_range is not None
        measured = 1000 * row["together"] / row["step_ms"]
        low, high = device.tokens_per_second_range
        assert low <= measured <= high
        ratios.append(device.tokens_per_second / measured)
    assert len(ratios) >= 16
    assert median(abs(ratio - 1) for ratio in ratios) <= 0.15
    assert max(abs(ratio - 1) for ratio in ratios) <= 0.3


def test_every_row_is_used_or_left_out_for_a_reason() -> None:
    """What the table counted; rows that were added since are for the next fit."""
    found, left_out = rows()
    counted = TABLE["rows"]
    assert counted["figures"] == counted["used"] + sum(counted["left_out"].values())
    assert counted["used"] <= len(found)
    assert all(number <= left_out[why] for why, number in counted["left_out"].items())


def test_a_wild_row_does_not_pull_the_fit() -> None:
    own = [row for row in usable() if row.runtime == "llama.cpp" and row.device_class == "nvidia-hbm"]
    shared = decode_fit.shared_of(own, None)
    wild = [*own, *(row._replace(decode=row.decode * 0.01) for row in own[:4])]
    plain, pulled = decode_fit.fit(own, shared), decode_fit.fit(wild, shared)
    assert pulled.theta == pytest.approx(plain.theta, rel=0.25, abs=5.0)


def test_rows_that_cannot_be_right_are_set_apart() -> None:
    own = [row for row in usable() if row.runtime == "llama.cpp" and row.device_class == "nvidia-hbm"]
    above = own[0]._replace(decode=1.01 / decode_fit.ideal(own[0]))
    below = own[1]._replace(decode=own[1].decode / 4)
    found = study.study([*own, above, below], study.study(own, None).law)
    assert found.apart == [above, below]
    assert found.kept == len(own)


def test_prefill_factors_keep_to_their_bounds() -> None:
    for classes in TABLE["prefill"].values():
        for each in classes.values():
            assert min(each["compute"].values()) >= prefill_fit.INT8
            assert min(each["attention"], each["attention_no_flash"]) >= 1
            assert each["scan"] >= 0

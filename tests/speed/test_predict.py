"""A speed with its range, and whether anything like it was measured."""

from __future__ import annotations

from llmscale.speed import law, predict
from llmscale.speed.law import Part
from llmscale.speed.load import PromptFlops
from llmscale.speed.predict import Stage
from llmscale.speed.table import host_setup
from tests.speed.works import SEVEN, TABLE, found


def test_a_class_that_was_not_measured_has_the_roofline_for_its_upper_end() -> None:
    card = found("rx7900xtx", runtime="vllm", format_id="awq")
    speed = predict.decode([Stage(SEVEN, card)])
    assert not speed.measured
    assert speed.high == law.roofline([Part(SEVEN, card.machine)])
    assert speed.low < speed.value / 3


def test_ranges_hold_their_value_and_stay_below_the_roofline() -> None:
    for name in ("rtx4090", "a100-80gb", "m4-max", "rx7900xtx", "gtx1080"):
        stage = Stage(SEVEN, found(name))
        speed = predict.decode([stage])
        assert speed.measured
        assert speed.low < speed.value < speed.high <= law.roofline([Part(stage.load, stage.setup.machine)])


def test_the_first_token_and_the_prefill_rate_are_the_same_answer() -> None:
    stages = [Stage(SEVEN, found("rtx4090"))]
    prompt = PromptFlops(14e9 * 2048, 1e12)
    time, rate = (of(stages, prompt, 2048, 512) for of in (predict.first_token, predict.prefill))
    assert time is not None
    assert rate is not None
    assert time.low < time.value < time.high
    assert (rate.value, rate.low, rate.high) == (2048 / time.value, 2048 / time.high, 2048 / time.low)


def test_what_was_not_measured_says_so() -> None:
    stage = Stage(SEVEN, found("rtx4090"))
    host = host_setup(TABLE, "llama.cpp", 8e10, "q4_k_m")
    assert host is not None
    offloaded = [Stage(SEVEN.share(0.5), stage.setup), Stage(SEVEN.share(0.5), host)]
    assert predict.decode([stage]).measured
    assert not predict.decode([stage], batch=8).measured
    assert not predict.decode(offloaded).measured
    assert predict.decode(offloaded).value < predict.decode([stage]).value
    assert predict.first_token(offloaded, PromptFlops(1e12, 0.0), 512, 512) is None

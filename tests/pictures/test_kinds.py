"""What is drawn is what the answers say, figure by figure."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale import estimate, fits, params
from llmscale.answers.lists import list_models
from llmscale.answers.results.fits import FitsResult
from llmscale.errors import UndisclosedError, UsageError
from llmscale.pictures.asked import PictureAsked
from llmscale.pictures.kinds import context, frontier, memory, parts, roofline, scale, users
from llmscale.pictures.picture import Bars, Chart
from llmscale.render.words import words
from llmscale.units import GIB

SAY = words("en")


def test_memory_has_a_point_for_each_context_up_to_the_model_s_limit() -> None:
    drawn = memory.draw(PictureAsked("llama-2-7b", ("q4_k_m", "q8_0")), SAY)
    assert isinstance(drawn, Chart)
    assert [one.name for one in drawn.series] == ["Q4_K_M", "Q8_0"]
    for one in drawn.series:
        assert [spot.x for spot in one.spots] == [1024, 2048, 4096]  # Llama 2 was trained on 4,096
        for spot in one.spots:
            answer = estimate("llama-2-7b", [one.name.lower()], context=int(spot.x), gpus=["80GiB"])
            assert spot.y == answer.estimates[0].devices[0].used_bytes / GIB


def test_a_model_with_a_short_context_begins_earlier() -> None:
    drawn = memory.draw(PictureAsked("bert-base-uncased", ("fp16",)), SAY)
    assert isinstance(drawn, Chart)
    assert [spot.x for spot in drawn.series[0].spots] == [64, 128, 256, 512]
    assert not any("beyond" in sentence for sentence in drawn.caption)


def test_memory_goes_as_far_as_asked() -> None:
    drawn = memory.draw(PictureAsked("llama-2-7b", ("q4_k_m",), context=6000), SAY)
    assert isinstance(drawn, Chart)
    assert [spot.x for spot in drawn.series[0].spots] == [1024, 2048, 4096, 6000]
    assert any("beyond the model's own limit" in sentence for sentence in drawn.caption)


def test_a_line_of_a_card_is_what_may_be_used_of_it() -> None:
    drawn = memory.draw(PictureAsked("llama-2-7b", ("f16",), gpu="16GiB", reserve="1GiB"), SAY)
    assert isinstance(drawn, Chart)
    assert [limit.at for limit in drawn.limits] == [15.0]


def test_parts_of_memory_add_up_to_the_total() -> None:
    drawn = memory.draw(PictureAsked("jamba-v0.1", ("q4_k_m",), parts=True), SAY)
    assert isinstance(drawn, Bars)
    assert drawn.parts[:3] == ("Weights", "KV cache", "State")
    for bar in drawn.bars:
        assert float(bar.label.replace(",", "")) == pytest.approx(sum(bar.values), abs=0.006)


def test_parts_are_of_one_format() -> None:
    with pytest.raises(UsageError, match="one format"):
        memory.draw(PictureAsked("llama-2-7b", ("f16", "q8_0"), parts=True), SAY)


def test_no_more_lines_than_can_be_told_apart() -> None:
    for kind, gpu in ((memory, None), (users, "rtx4090")):
        with pytest.raises(UsageError, match="told apart"):
            kind.draw(PictureAsked("llama-2-7b", ("all-gguf",), gpu=gpu, context=1024), SAY)


def test_parameters_lie_where_params_says() -> None:
    drawn = parts.draw(PictureAsked("deepseek-v3"), SAY)
    count = params("deepseek-v3").parameters
    assert count
    assert {bar.name.replace(" ", "_"): bar.values[0] for bar in drawn.bars} == {
        name: size for name, size in count.components.items() if size
    }
    assert drawn.bars[0].label == "653.9 B, 97.4%"


def test_what_is_not_disclosed_has_no_parts() -> None:
    with pytest.raises(UndisclosedError):
        parts.draw(PictureAsked("gpt-4"), SAY)


def test_contexts_of_a_device_are_those_of_fits() -> None:
    drawn, answer = context.draw(PictureAsked("rtx4090"), SAY), fits("rtx4090")
    assert isinstance(answer, FitsResult)
    longest = {f"{line.id} {line.quant.upper()}": line.max_context for line in answer.models if line.fits}
    assert len(drawn.bars) > 5
    assert all(longest[bar.name] == bar.values[0] for bar in drawn.bars)


def test_nothing_that_fits_is_said() -> None:
    with pytest.raises(UsageError, match="Nothing fits"):
        context.draw(PictureAsked("1GiB", ("fp32",), context=1 << 20), SAY)


def test_the_frontier_is_what_no_other_model_beats() -> None:
    drawn = frontier.draw(PictureAsked("rtx4090"), SAY)
    rest, best = drawn.series
    assert len(best.spots) > 3
    for spot in best.spots:
        assert not any(o.x >= spot.x and o.y > spot.y for one in drawn.series for o in one.spots)
        assert spot.label
    for spot in rest.spots:
        assert any(o.x >= spot.x and o.y >= spot.y for o in best.spots)


def test_where_no_speed_is_known_there_is_no_frontier() -> None:
    with pytest.raises(UsageError, match="not known"):
        frontier.draw(PictureAsked("24GiB"), SAY)


def test_users_are_the_sequences_that_fit() -> None:
    drawn = users.draw(PictureAsked("llama-3.1-8b", ("f16", "q4_k_m"), gpu="rtx4090"), SAY)
    for one in drawn.series:
        for spot in one.spots:
            line = estimate("llama-3.1-8b", [one.name.lower()], context=int(spot.x), gpus=["rtx4090"]).estimates[0]
            assert line.devices[0].max_batch == spot.y


def test_what_fits_nobody_is_said() -> None:
    drawn = users.draw(PictureAsked("llama-3.1-70b", ("f16", "iq2_xxs"), gpu="rtx4090", context=2048), SAY)
    assert [one.name for one in drawn.series] == ["IQ2_XXS"]
    assert any("Does not fit: F16" in sentence for sentence in drawn.caption)
    with pytest.raises(UsageError, match="does not fit"):
        users.draw(PictureAsked("llama-3.1-70b", ("f16",), gpu="rtx4090", context=2048), SAY)


def test_the_scale_has_every_model_whose_size_is_known() -> None:
    drawn, models = scale.draw(PictureAsked(), SAY), list_models().models
    opened, closed, rumoured = drawn.series
    assert len(opened.spots) == sum(bool(model.parameters and model.open) for model in models)
    assert len(closed.spots) == sum(bool(model.parameters and not model.open) for model in models)
    claims = {spot.label: (spot.low, spot.high) for spot in rumoured.spots}
    gpt_4 = params("gpt-4").rumours
    assert claims["GPT-4"] == (min(r.low for r in gpt_4), max(r.high for r in gpt_4))


def test_the_scale_is_in_both_units() -> None:
    for lang, own, other in (("en", "1 B", "10 亿"), ("zh", "10 亿", "1 B")):
        tick = next(tick for tick in scale.draw(PictureAsked(), words(lang)).y.ticks if tick.at == 1e9)
        assert (tick.label, tick.other) == (own, other)


@pytest.mark.parametrize(("released", "year"), [("2023", 2023.5), ("2023-01-01", 2023.0), ("2023-12-31", 2024.0)])
def test_a_day_is_a_part_of_its_year(released: str, year: float) -> None:
    assert scale._year(released) == pytest.approx(year, abs=0.01)


def asked_roof(gpu: str = "rtx4090", quant: str = "f16", **more: Any) -> PictureAsked:
    return PictureAsked("llama-2-7b", (quant,), more.pop("context", 1024), gpu=gpu, **more)


def test_a_step_of_16_bits_takes_a_flop_a_byte_for_each_sequence() -> None:
    """Two FLOPs a weight of two bytes, which all sequences share; with one token in the cache nothing else is read."""
    drawn = roofline.draw(asked_roof(context=1, gpu="h100"), SAY)
    decode = next(one for one in drawn.series if one.name.startswith("Decode"))
    assert len(decode.spots) > 5
    for spot in decode.spots:
        assert spot.x == pytest.approx(int(spot.label), rel=0.02)


def test_the_roof_is_the_datasheet_s() -> None:
    roof = roofline.draw(asked_roof(), SAY).series[0]
    _, ridge, end = roof.spots
    assert (ridge.x, ridge.y) == (pytest.approx(165.2e12 / 1008e9), 165.2)
    assert end.y == ridge.y
    layers = roofline.draw(asked_roof("2x rtx4090"), SAY).series[0]
    assert layers.spots[1] == ridge  # each has some of the layers, and one works at a time
    shared = roofline.draw(asked_roof("2x rtx4090", "fp16", runtime="vllm"), SAY).series[0]
    assert (shared.spots[1].x, shared.spots[1].y) == (pytest.approx(ridge.x), 2 * ridge.y)


def test_points_of_decode_are_as_fast_as_estimated_and_below_the_roof() -> None:
    drawn = roofline.draw(asked_roof(), SAY)
    roof, decode, prefill = drawn.series
    _, ridge, _ = roof.spots
    pace = {}
    for spot in decode.spots:
        device = (
            estimate("llama-2-7b", "f16", context=1024, sequences=int(spot.label), gpu="rtx4090").estimates[0].devices
        )
        pace[int(spot.label)] = spot.y / (device[0].tokens_per_second or 0)
        assert spot.y <= ridge.y * min(1, spot.x / ridge.x) * 1.000001
    assert min(pace) == 1
    assert all(flops == pytest.approx(pace[1]) for flops in pace.values())
    assert [spot.label for spot in prefill.spots] == ["128", "256", "512", "1k"]
    first = estimate("llama-2-7b", "f16", context=512, gpu="rtx4090").estimates[0].devices[0].first_token_seconds
    assert first
    assert prefill.spots[2].y * first == pytest.approx(512 * pace[1], rel=0.05)  # the past is a few per cent


def test_where_no_speed_is_modelled_what_is_possible_is_shown() -> None:
    drawn = roofline.draw(asked_roof(runtime="transformers", quant="fp16"), SAY)
    roof, decode, prefill = drawn.series
    assert "(modelled)" in decode.name
    assert "no speed is modelled" in prefill.name
    _, ridge, _ = roof.spots
    assert all(spot.y == pytest.approx(ridge.y * min(1, spot.x / ridge.x)) for spot in prefill.spots)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (asked_roof()._replace(quants=("f16", "q8_0")), "of one format"),
        (asked_roof("rtx3060"), "does not fit rtx3060"),
        (asked_roof("24GiB"), "reads and multiplies is not known"),
        (asked_roof("rtx4090 + rtx3090"), "reads and multiplies is not known"),
        (asked_roof()._replace(subject="7B", quants=("q4_k_m",)), "What a token of"),
        (PictureAsked("bert-base-uncased", ("fp16",), gpu="rtx4090"), "What a token of"),
    ],
)
def test_what_has_no_roofline_is_refused(asked: PictureAsked, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        roofline.draw(asked, SAY)


def test_the_best_format_that_fits_is_taken() -> None:
    assert "Q8_0" in roofline.draw(asked_roof()._replace(quants=()), SAY).title

"""``fits``: which models a device takes, each in the quant that loses least."""

from __future__ import annotations

import re
from typing import Any

import pytest

from llmscale import estimate, fits
from llmscale.answers.fits import MOST_ROWS
from llmscale.answers.in_ram import LEAST_IN_RAM
from llmscale.answers.results.fits import FitsOverview, FitsResult
from llmscale.answers.worth import RECENT, ranked_by, weight, worths, worthwhile
from llmscale.errors import LlmscaleError, UnsupportedModelError, UsageError
from llmscale.formats.ladder import FLOOR
from llmscale.sources.registry import load
from llmscale.units import GIB
from tests.helpers import good

PLAIN = ("fp32", "fp16", "int8", "int4")


@pytest.mark.parametrize(
    ("quants", "expected"),
    [
        (PLAIN, {"llama-2-7b": "fp16", "llama-2-13b": "int8", "llama-2-70b": "int4", "7B": "fp16"}),
        ((), {"llama-2-7b": "q8_0", "llama-2-13b": "q8_0", "llama-2-70b": "iq2_m", "vit-base": "fp16"}),
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
        assert (line.used_bytes, line.free_bytes) == (device.used_bytes, device.free_bytes)
        assert line.total_bytes == line.used_bytes + line.host_bytes == same.total_bytes
        assert (line.missing_bytes == 0) == line.fits
        assert line.context == (197 if line.id == "vit-base" else 4096)


def test_fits_counts_the_overhead_of_each_device() -> None:
    answer = fits("4x 24GiB", ["llama-2-70b"])
    assert isinstance(answer, FitsResult)
    (line,) = answer.models
    (same,) = estimate("llama-2-70b", [line.quant], gpus=["4x 24GiB"]).estimates
    (device,) = same.devices
    overheads = [one.parts["overhead"] for one in device.per_device]
    assert len(overheads) == 4
    assert min(overheads) > 0
    assert line.used_bytes == device.used_bytes == sum(sum(one.parts.values()) for one in device.per_device)
    assert line.used_bytes < line.total_bytes, "the table of tokens stays in RAM"
    assert answer.device.memory_bytes - answer.device.usable_bytes == answer.device.reserve_bytes == 2 * GIB


LISTED: dict[str, FitsResult] = {}


def listed(device: str = "rtx3060-12gb", **asked: Any) -> FitsResult:
    """What `fits` answers; asked once."""
    key = f"{device} {sorted(asked.items())}"
    if key not in LISTED:
        answer = fits(device, **asked)
        assert isinstance(answer, FitsResult)
        LISTED[key] = answer
    return LISTED[key]


COMMON = (
    "rtx3060",
    "rtx4060",
    "rtx4070",
    "rtx4080",
    "rtx4090",
    "rtx5090",
    "rtx3090",
    "2x rtx3090",
    "a100-80gb",
    "24GB",
)


@pytest.mark.parametrize("device", COMMON)
def test_what_is_named_first_is_worth_running(device: str) -> None:
    """No row below the floor, closed or of an older generation than another row of its line and size."""
    known, answer = worths(None), listed(device)
    assert len(answer.models) == MOST_ROWS
    newest = max(one.month for one in known.values())
    for line in answer.models:
        assert line.fits
        assert line.loss is None or line.loss.percent <= FLOOR
        assert known[line.id].open
        assert newest - known[line.id].month <= RECENT
        assert line.released == known[line.id].released
    assert answer.hidden > 0
    assert answer.passed_over > 0


def test_rated_models_come_first_then_those_in_common_use() -> None:
    known, answer = worths(None), listed("rtx4090", everything=True)
    lines = [line for line in answer.models if line.fits][:40]
    rated = [line.score is not None for line in lines]
    assert rated == sorted(rated, reverse=True)
    assert answer.score_name == "LiveBench, questions of 2026-01-08"
    assert {line.score_date for line in lines if line.score is not None} == {"2026-07-01"}
    scores = [line.score - (line.loss.percent if line.loss else 0) for line in lines if line.score is not None]
    assert scores == sorted(scores, reverse=True)
    places = [(-known[line.id].common, -weight(known[line.id])) for line in lines if line.score is None]
    assert places == sorted(places)


@pytest.mark.parametrize("device", [*COMMON, "8GB", "m4-max:64GB"])
def test_what_nobody_packages_does_not_come_before_what_people_run(device: str) -> None:
    known, lines = worths(None), listed(device).models
    assert all(known[line.id].common or line.score is not None for line in lines)


def test_a_test_rates_the_models_of_its_day() -> None:
    """The newest one that rates any that fits, though an older one rates more of them; and of code its own."""
    old, new = (worths(None)[key].scores for key in ("phi-4", "qwen3-14b"))
    assert ranked_by((old | new).__contains__) == "livebench-2025-04"
    assert ranked_by(old.__contains__) == "livebench-2024-11"
    assert ranked_by(worths(None)["qwen3-32b"].scores.__contains__, "code") == "aider-polyglot"


def test_a_newer_model_that_nobody_rates_does_not_hide_one_that_the_newest_test_rates() -> None:
    first = worthwhile(worths(None))
    assert {"qwen3.6-27b", "qwen3.8-27b"} <= first
    assert "qwen3-8b" not in first


def test_the_command_names_a_repository_that_has_the_quant() -> None:
    line = listed("rtx3060").models[0].command_line
    assert line is not None
    assert line.startswith("llama-server -hf unsloth/Qwen3-14B-GGUF:Q5_K_M ")


def test_everything_is_the_same_first_and_then_the_rest() -> None:
    answer, everything = listed(), listed(everything=True)
    assert [line.id for line in everything.models[:MOST_ROWS]] == [line.id for line in answer.models]
    flags = [line.fits for line in everything.models]
    assert flags == sorted(flags, reverse=True)
    missing = [line.missing_bytes for line in everything.models if not line.fits]
    assert missing == sorted(missing)
    assert missing
    assert everything.hidden == everything.passed_over == 0
    assert len(everything.models) > len(answer.models) + answer.hidden


@pytest.mark.parametrize(
    ("sort", "field"),
    [("size", "parameters"), ("speed", "tokens_per_second"), ("context", "max_context"), ("released", "released")],
)
def test_another_order_is_taken(sort: str, field: str) -> None:
    found = [getattr(line, field) for line in listed(sort=sort).models]
    assert found == sorted(found, reverse=True)
    assert found != [getattr(line, field) for line in listed().models]


def test_what_is_wanted_of_a_model_holds_of_every_row() -> None:
    assert len(listed(limit=3).models) == 3
    assert all((line.max_context or 0) >= 65536 for line in listed(min_context=65536).models)
    assert all((line.tokens_per_second or 0) >= 60 for line in listed(min_speed=60).models)
    assert {line.id for line in listed(purpose="embedding").models} >= {"qwen3-embedding-8b", "bge-m3"}
    assert "bge-reranker-v2-m3" in {line.id for line in listed(purpose="rerank").models}
    licences = {worths(None)[line.id].licence for line in listed(licence="apache").models}
    assert licences
    assert all("apache" in licence.lower() for licence in licences)


@pytest.mark.parametrize(
    ("device", "asked"),
    [
        ("rtx4090", {}),
        ("m3-max-64gb", {"runtime": "mlx", "sort": "released"}),
        ("rtx3060-12gb", {"purpose": "vision", "options": {"ram": "64GB"}}),
        ("2x rtx3090", {"quants": ["all"]}),
    ],
)
def test_a_short_list_is_the_head_of_the_long_one(device: str, asked: dict[str, Any]) -> None:
    """Though no more models are placed than have to be for it."""
    short, long = listed(device, **asked), listed(device, limit=400, **asked)
    assert short.models == long.models[: len(short.models)]
    assert len(long.models) > len(short.models) == MOST_ROWS
    assert short.hidden + len(short.models) == long.hidden + len(long.models)
    assert set(short.not_available) == set(long.not_available)


def test_what_cannot_be_had_is_told_apart() -> None:
    """Of the models that are worth naming MLX has no code for some."""
    answer = listed("m3-max-64gb", runtime="mlx", sort="released")
    assert 10 < len(answer.not_available) < answer.hidden
    assert "zamba2-7b" in answer.not_available
    assert not set(answer.not_available) & {line.id for line in answer.models}
    for name in answer.not_available[:5]:
        with pytest.raises(UnsupportedModelError):
            fits("m3-max-64gb", [name], runtime="mlx")


@pytest.mark.parametrize("device", ["m1-8gb", "rx6700xt", "mi300x"])
def test_what_some_formats_of_a_runtime_need_does_not_refuse_the_others(device: str) -> None:
    """transformers runs in 16 bits where QuIP# does not."""
    assert listed(device, runtime="transformers").models[0].fits


def test_a_runtime_whose_usual_formats_do_not_run_there_is_refused() -> None:
    with pytest.raises(UsageError, match=r"EXL3 6\.0 bpw does not run on mi300x: it needs CUDA"):
        fits("mi300x", runtime="exllama")


@pytest.mark.parametrize("wrong", [{"sort": "price"}, {"purpose": "poetry"}, {"limit": 0}])
def test_what_nobody_can_mean_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        fits("rtx4090", **wrong)


def test_any_goes_below_the_floor() -> None:
    lossy = [line for line in listed(any_quant=True, everything=True).models if line.loss and line.loss.percent > FLOOR]
    assert any(line.fits for line in lossy)
    assert not any(line.loss.percent > FLOOR for line in listed(everything=True).models if line.loss)


def test_ram_adds_what_does_not_fit_without_and_leaves_the_others() -> None:
    options = {"ram": "64GB", "ram_bandwidth": "80GB/s"}
    alone, more = listed(limit=24), listed(limit=24, options=options)
    before = {line.id: line for line in alone.models}
    added = [line for line in more.models if line.layers_in_ram]
    assert {"gpt-oss-120b", "qwen3.6-35b-a3b"} <= {line.id for line in added}
    assert not {line.id for line in added} & set(before)
    assert all((line.tokens_per_second or 0) >= LEAST_IN_RAM for line in added)
    assert all(line.quant == before[line.id].quant for line in more.models if line.id in before)


def test_what_crawls_in_ram_is_named_where_somebody_wants_it() -> None:
    options = {"ram": "32GB"}
    alone = fits("rtx3060", options=options)
    patient = fits("rtx3060", options=options, min_speed=5.5)
    assert isinstance(alone, FitsResult)
    assert isinstance(patient, FitsResult)
    added = {line.id for line in patient.models} - {line.id for line in alone.models}
    speeds = [line.tokens_per_second or 0 for line in patient.models if line.id in added]
    assert any(5.5 <= speed < LEAST_IN_RAM for speed in speeds)
    assert [told.values["least"] for told in patient.notes if told.code == "slow_in_ram"] == [5.5]
    assert [told.values["least"] for told in alone.notes if told.code == "slow_in_ram"] == [LEAST_IN_RAM]


def test_the_ladder_of_one_model_marks_the_step_that_is_advised() -> None:
    answer = listed(models=["qwen3-14b"])
    assert [choice.quant for choice in answer.choices] == ["q8_0", "q6_k", "q5_k_m", "q4_k_m", "iq4_xs", "q3_k_m"]
    (advised,) = [choice for choice in answer.choices if choice.advised]
    assert advised.quant == answer.models[0].quant
    assert advised == next(choice for choice in answer.choices if choice.fits)
    assert advised.tokens_per_second == answer.models[0].tokens_per_second


def test_below_the_usual_steps_the_best_that_fits_is_one_more() -> None:
    answer = listed("rtx4090", models=["llama-2-70b"])
    assert [choice.fits for choice in answer.choices] == [False] * 6 + [True]
    assert answer.choices[-1].advised
    assert answer.choices[-1].quant == answer.models[0].quant == "iq2_m"


@pytest.mark.parametrize("runtime", ["vllm", "llama.cpp"])
def test_a_row_adds_up_with_what_the_first_line_says(runtime: str) -> None:
    answer = listed("h100", runtime=runtime, limit=3)
    for line in answer.models:
        assert line.used_bytes + line.free_bytes == answer.device.usable_bytes


def test_only_the_first_row_says_what_to_type_unless_asked() -> None:
    typed = [line.command_line for line in listed(limit=3).models]
    assert typed[0]
    assert typed[0].startswith("llama-server ")
    assert typed[1:] == [None, None]
    every = [line for line in listed(limit=3, command=True).models if line.runtime == "llama.cpp"]
    assert len(every) > 1
    assert all(line.command_line for line in every)


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


def test_what_a_name_was_taken_for_is_said_of_models_that_are_named() -> None:
    loaded = load("meta-llama/Llama-3.1-8B-Instruct-GGUF")
    named = fits("24GiB", ["meta-llama/Llama-3.1-8B-Instruct-GGUF"])
    assert [note.code for note in loaded.notes] == ["taken_in_usual"]
    assert all(note in named.notes for note in loaded.notes)
    assert "taken_in_usual" not in {note.code for note in fits("24GiB").notes}


def test_what_to_type_is_what_an_estimate_says() -> None:
    for line in listed("rtx4090", command=True, limit=20).models:
        (one,) = estimate(line.id, [line.quant], gpus=["rtx4090"]).estimates
        assert line.command_line == one.devices[0].command, line.id


def test_of_two_stacks_of_layers_the_command_counts_one() -> None:
    (line,) = (one for one in listed("rtx4090", everything=True, command=True).models if one.id == "flan-t5-xxl")
    assert " -ngl 25 " in (line.command_line or "")


@pytest.mark.parametrize(
    ("device", "asked"),
    [
        ("gtx1080ti", {"runtime": "transformers", "options": {"attn": "eager"}}),
        ("h200", {"runtime": "sglang", "sort": "released", "any_quant": True}),
    ],
)
def test_no_row_was_taken_for_one_that_fits(device: str, asked: dict[str, Any]) -> None:
    """What was compiled is of the usual options; with others a lower quant is taken, or the row comes later."""
    answer = fits(device, limit=200, **asked)
    assert isinstance(answer, FitsResult)
    verdicts = [line.fits for line in answer.models]
    assert verdicts == sorted(verdicts, reverse=True)


def test_what_fits_when_it_is_dealt_out_otherwise_is_said_with_its_speed() -> None:
    """Two unlike cards of which the runtime's own shares fill one too much."""
    asked = ["qwen3-next-80b-a3b", "-q", "q3_k_s", "-c", "17"]
    (step,) = fits("a10 + titan-v", asked[:1], quants=["q3_k_s"], context=17).choices
    (device,) = estimate(asked[0], ["q3_k_s"], gpus=["a10 + titan-v"], context=17).estimates[0].devices
    assert (step.fits, step.split) == (device.fits, "32,17")
    assert step.tokens_per_second == device.tokens_per_second
    screen = good("estimate", *asked, "--gpu", "a10 + titan-v", "--width", "120").out
    assert screen.startswith("Yes, with -ts 32,17: Qwen3-Next-80B-A3B in Q3_K_S fits a10 + titan-v, ~92 tokens/s;")
    assert "no*" in screen
    assert "With -ts 32,17 all layers fit" in good("fits", "a10 + titan-v", *asked).out


@pytest.mark.parametrize(
    ("device", "options", "first"),
    [("8x h200", [], "w4a16-g32-experts"), ("rtx3060-12gb", ["--ram", "640GB"], "q4_k_m")],
)
def test_what_is_published_in_few_bits_is_not_offered_in_more(device: str, options: list[str], first: str) -> None:
    """Kimi K2.5 is published in INT4: a Q8_0 of it is twice as large and no better."""
    found = good("fits", device, "kimi-k2.5", *options, "-o", "json").json()
    assert found["choices"][0]["quant"] == found["models"][0]["quant"] == first
    assert not {"q8_0", "q6_k", "q5_k_m"} & {one["quant"] for one in found["choices"]}
    named = good("fits", device, "kimi-k2.5", "-q", "q8_0", *options, "-o", "json").json()
    assert [one["quant"] for one in named["choices"]] == ["q8_0"]


def test_a_ladder_of_two_runtimes_says_what_each_may_use() -> None:
    screen = good("fits", "8x h200", "kimi-k2.5", "--width", "200").out
    assert re.search(r"Of 1,123.21 GiB usable: 1,029.67 under vLLM \(W4A16-G32-EXPERTS\); 1,119.21 under llama", screen)
    for one in fits("8x h200", ["kimi-k2.5"]).choices:
        assert one.used_bytes + one.free_bytes == pytest.approx(
            (1029.67 if one.runtime == "vllm" else 1119.21) * GIB, abs=GIB / 100
        )

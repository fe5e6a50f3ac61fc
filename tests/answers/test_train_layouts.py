"""``train`` over several devices: layouts, constraints, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.answers.results.train_layouts import LayoutSearch, TrainLayout
from llmscale.answers.train_held import Way
from llmscale.answers.train_layouts import LayoutAsked, layouts
from llmscale.answers.train_memory import MemoryAsked
from llmscale.devices.sets import device_set
from llmscale.errors import UsageError
from llmscale.sources.registry import load
from llmscale.training.methods import MethodChoice
from llmscale.training.parallel.search import Given
from llmscale.training.published import domains, networks
from tests.helpers import run

BIG = ("llama-3.1-70b", "--gpu", "h100", "--count", "64", "--seq", "8k", "--global-batch", "4M")


def asked(*arguments: str) -> dict[str, Any]:
    answer = run("train", *arguments, "-o", "json")
    assert answer.status == 0, answer.err
    found: dict[str, Any] = answer.json()
    return found


def test_the_first_line_names_the_fastest_layout_that_fits() -> None:
    first = run("train", *BIG).out.splitlines()[0]
    assert first.startswith("Yes: Llama 3.1 70B by full at 8,192 tokens fits 64 x h100: DP 8, TP 4, CP 2, ZeRO 3")
    assert "可以:Llama 3.1 70B" in run("train", *BIG, "--lang", "zh").out.splitlines()[0]


def test_three_layouts_each_of_all_devices_and_one_that_was_ruled_out() -> None:
    found = asked(*BIG)
    layouts, search = found["layouts"], found["layout_search"]
    assert len(layouts) == 3
    assert all(each["dp"] * each["tp"] * each["pp"] * each["cp"] == 64 for each in layouts)
    assert all(each["fits"] == "yes" and each["used_range"][1] <= search["usable_bytes"] for each in layouts)
    assert all(sum(part["bytes"] for part in each["parts"]) == each["used_bytes"] for each in layouts)
    assert layouts[0]["step_seconds"] <= 1.05 * min(each["step_seconds"] for each in layouts)
    assert search["ruled_out"]["step_seconds"] < layouts[0]["step_seconds"]
    assert search["lacks_bytes"] > 0
    assert search["global_batch"] == 4 * 2**20
    assert found["fit"] is None


def test_what_is_given_stands_and_the_rest_is_searched() -> None:
    layouts = asked(*BIG, "--tp", "8", "--pp", "2", "--zero", "1")["layouts"]
    assert {(each["tp"], each["pp"], each["zero"]) for each in layouts} == {(8, 2, 1)}
    again = asked(*BIG, "--checkpointing", "full", "--micro-batch", "2")["layouts"]
    assert {(each["recompute"], each["micro_batch"]) for each in again} == {(True, 2)}


def test_the_reach_of_a_given_layout_holds_at_its_end() -> None:
    fixed = ("--tp", "4", "--pp", "1", "--cp", "2", "--zero", "3", "--micro-batch", "1", "--checkpointing", "none")
    longest = asked(*BIG, *fixed)["layout_search"]["max_sequence"]
    assert longest > 8192
    rest = [part for part in BIG if part not in ("--seq", "8k")]
    assert asked(*rest, *fixed, "--seq", str(longest))["layouts"][0]["fits"] == "yes"
    longer = asked(*rest, *fixed, "--seq", str(longest + 16))
    assert not longer["layouts"] or longer["layouts"][0]["fits"] == "maybe"


def test_published_layouts_are_possible_through_the_command_line() -> None:
    llama = asked(
        *("llama-3.1-405b", "--gpu", "1024x h100", "--seq", "8k", "--global-batch", "12M"),
        *("--tp", "8", "--pp", "8", "--cp", "2", "--vp", "8"),
    )
    assert llama["layouts"][0]["fits"] in ("yes", "maybe")
    deepseek = asked(
        *("deepseek-v3", "--gpu", "256x gb300", "--seq", "4k", "--global-batch", "16M"),
        *("--pp", "2", "--vp", "8", "--ep", "32", "--tp", "1", "--cp", "1"),
    )
    assert deepseek["layouts"][0]["fits"] in ("yes", "maybe")


def test_when_nothing_fits_a_change_that_does_is_named() -> None:
    answer = run("train", "llama-3.1-405b", "--gpu", "8x h100", "--seq", "8k")
    assert answer.status == 0
    assert answer.out.startswith("No: Llama 3.1 405B by full at 8,192 tokens fits no layout of 8 x h100; with --method")
    none = run("train", "deepseek-v3", "--gpu", "2x rtx4090")
    assert "nor do 8-bit states, LoRA or QLoRA" in none.out.splitlines()[0]


def test_adapters_leave_states_away() -> None:
    full, lora = (
        asked("llama-3-70b", "--gpu", "8x h100", "--method", method, "--zero", "3", "--tp", "1", "--pp", "1")
        for method in ("full", "lora")
    )
    sizes = [
        {part["part"]: part["bytes"] for part in each["layout_search"]["ruled_out"]["parts"]}
        if not each["layouts"]
        else {part["part"]: part["bytes"] for part in each["layouts"][0]["parts"]}
        for each in (full, lora)
    ]
    assert sizes[1]["optimizer"] < 0.01 * sizes[0]["optimizer"]
    assert sizes[1]["weights"] == pytest.approx(sizes[0]["weights"] / 2, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tp", "7"), "--tp 7 does not divide 64 heads"),
        (("--tp", "16"), "TP 16 > 8 devices of a node"),
        (("--tp", "0"), "--tp 0: between 1 and"),
        (("--pp", "3"), "does not divide 64 devices"),
        (("--pp", "32", "--vp", "3"), "layers 80 % (PP 32 x VP 3)"),
        (("--ep", "2"), "--ep 2 does not divide 1 experts"),
        (("--zero", "4"), "--zero 4: a stage from 0 to 3"),
        (("--network", "0"), "--network 0"),
        (("--count", "0"), "--count 0"),
        (("--count", "9999999"), "--count 9,999,999"),
        (("--global-batch", "100"), "--global-batch 100 tokens is 0 sequences"),
    ],
)
def test_what_cannot_be_divided_is_one_message(arguments: tuple[str, ...], said: str) -> None:
    answer = run("train", *BIG, *arguments)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("llama-3-8b", "--tp", "2"), "What is divided needs devices"),
        (("llama-3-8b", "--gpu", "2x h100", "--count", "4"), "names 2 devices and --count 4"),
        (("llama-3-8b", "--gpu", "2x 24GiB"), "rate of"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...], said: str) -> None:
    answer = run("train", *arguments)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err


def test_a_run_of_a_model_that_is_not_divided_here_still_says_its_time() -> None:
    found = asked("mamba-1.4b", "--gpu", "8x h100", "--tokens", "1B")
    assert found["layouts"] == []
    assert found["compute"]["device_hours"] > 0
    assert any("not modelled" in note for note in found["warnings"])


def test_a_model_that_is_not_divided_here_is_refused_where_one_asks_for_it() -> None:
    answer = run("train", "mamba-1.4b", "--gpu", "h100", "--count", "2")
    assert (answer.status, answer.out) == (4, "")
    assert "is not modelled" in answer.err


def test_a_loss_without_logits_takes_them_off_each_device() -> None:
    fixed = ("--tp", "1", "--pp", "1", "--cp", "1", "--zero", "3", "--checkpointing", "full", "--micro-batch", "1")
    asked_of = ("qwen3-0.6b", "--gpu", "8x a10g", "--seq", "20480", *fixed)
    perhaps = run("train", *asked_of).out.splitlines()[0]
    assert perhaps.startswith("Perhaps: Qwen3-0.6B by full at 20,480 tokens on 8 x a10g: DP 8, ZeRO 3")
    with_logits, without = (asked(*asked_of, "--loss", loss)["layouts"][0] for loss in ("logits", "cut"))
    assert with_logits["used_bytes"] - without["used_bytes"] > 2 * 20480 * 151936 * 4
    assert without["fits"] == "yes"


def cut(spec: str, devices: str, *, sequence: int = 2048, **said: Any) -> tuple[tuple[TrainLayout, ...], LayoutSearch]:
    """A full training in bf16 over these devices."""
    given = {name: value for name, value in said.items() if name in Given._fields}
    rest = {name: value for name, value in said.items() if name not in given}
    memory = MemoryAsked(sequence=sequence, checkpointing="full")
    where = device_set(devices)
    asked_of = LayoutAsked(given=Given(**given), **rest)
    way = Way(MethodChoice("full"), "bf16", "adamw", memory)
    return layouts(load(spec).known(), way, where, where.count, asked_of)


@pytest.mark.parametrize(
    ("devices", "sequence", "sequences"),
    [
        ("8x h100", 2048, 512),
        ("3x h100", 2048, 510),
        ("8x h100", 4096, 256),
        ("8x h100", 131072, 8),
        ("2x h100", 3000, 348),
    ],
)
def test_a_step_is_about_a_million_tokens_in_whole_sequences_for_each_device(
    devices: str, sequence: int, sequences: int
) -> None:
    """2^20 tokens, rounded down to as many sequences a device, of which each has one at least."""
    _, search = cut("qwen3-0.6b", devices, sequence=sequence)
    assert (search.global_batch, search.sequence) == (sequences * sequence, sequence)


def test_a_global_batch_is_whole_sequences_too() -> None:
    assert cut("qwen3-0.6b", "2x h100", batch=10_000)[1].global_batch == 4 * 2048
    with pytest.raises(UsageError, match="2,047 tokens is 0 sequences of 2,048"):
        cut("qwen3-0.6b", "2x h100", batch=2047)
    with pytest.raises(UsageError, match="is 16,777,217 sequences of 1"):
        cut("qwen3-0.6b", "2x h100", sequence=1, batch=(1 << 24) + 1)


def test_an_odd_number_of_devices_is_divided_as_any_other() -> None:
    best, search = cut("qwen3-0.6b", "3x h100")
    assert (search.count, search.device) == (3, "h100")
    assert all(each.dp * each.tp * each.pp * each.cp == 3 for each in best)
    assert {each.dp for each in cut("qwen3-0.6b", "3x h100", sequence=3072, cp=3)[0]} == {1}
    with pytest.raises(UsageError, match="TP x PP x CP = 2 does not divide 3 devices"):
        cut("qwen3-0.6b", "3x h100", pp=2)
    with pytest.raises(UsageError, match="TP x PP x CP = 16 does not divide 8 devices"):
        cut("qwen3-0.6b", "8x h100", tp=4, pp=2, cp=2)


def test_the_numbers_that_divide_are_named() -> None:
    """Of 16 heads all that divide them; of one expert, one."""
    with pytest.raises(UsageError, match="--tp 3 does not divide 16 heads") as refused:
        cut("qwen3-0.6b", "8x h100", tp=3)
    assert refused.value.hint == "One of: 1, 2, 4, 8, 16."
    with pytest.raises(UsageError, match="--ep 2 does not divide 1 experts") as refused:
        cut("qwen3-0.6b", "8x h100", ep=2)
    assert refused.value.hint == "One of: 1."


def test_a_stage_or_a_micro_batch_alone_breaks_no_layout() -> None:
    """Whether DP, TP, PP and the like go together is asked of what was given of them; the rest is searched."""
    assert {each.zero for each in cut("qwen3-0.6b", "8x h100", zero=3)[0]} == {3}
    assert {each.micro_batch for each in cut("qwen3-0.6b", "8x h100", micro=3, batch=2048 * 24)[0]} == {3}


def test_speed_is_the_tokens_of_a_step_over_its_seconds() -> None:
    """6 FLOPs a parameter and token, of the rate of all devices."""
    best, search = cut("llama-3-8b", "8x h100", sequence=4096)
    for each in best:
        assert each.tokens_per_second == pytest.approx(search.global_batch / each.step_seconds)
        six = 6 * 8_030_261_248 * search.global_batch / each.step_seconds / 8 / 989.4e12
        assert each.mfu == pytest.approx(six)
        assert each.micro_batches * each.micro_batch * each.dp == search.global_batch // 4096
        assert sum(part.bytes for part in each.parts) == each.used_bytes


def test_the_micro_batch_that_is_named_as_the_largest_fits_and_a_larger_one_does_not() -> None:
    fixed = {"tp": 1, "pp": 1, "cp": 1, "zero": 3, "micro": 1, "recompute": True}
    _, search = cut("llama-3-8b", "8x h100", sequence=8192, **fixed)
    most = search.max_micro_batch
    assert most > 1
    for micro, fits in ((most, "yes"), (most + 1, "maybe")):
        (first, *_), _ = cut(
            "llama-3-8b", "8x h100", sequence=8192, batch=8192 * 8 * micro, **{**fixed, "micro": micro}
        )
        assert (first.micro_batch, first.fits) == (micro, fits)


def test_what_a_device_sends_out_is_as_said_or_its_generations() -> None:
    assert cut("qwen3-0.6b", "8x h100", network=7.5)[1].network_gb_s == 7.5
    (hopper,) = [each.gb_s for each in networks() if each.generation == "Hopper"]
    assert cut("qwen3-0.6b", "8x h100")[1].network_gb_s == hopper
    assert cut("qwen3-0.6b", "8x rtx4090")[1].network_gb_s == 12.5
    assert cut("qwen3-0.6b", "8x h100")[1].node == 8
    for domain in domains():
        assert cut("qwen3-0.6b", f"8x {domain.device}")[1].node == domain.devices


def test_stages_below_the_third_keep_what_megatron_keeps() -> None:
    """Without --precision a master in fp32 beside both moments; in plain bf16 the moments alone."""
    way = Way(MethodChoice("full"), "bf16", "adamw", MemoryAsked(sequence=2048, checkpointing="full"))
    spec, where = load("tinyllama-1.1b").known(), device_set("2x h100")
    sizes = {}
    for precise in (False, True):
        asked_of = LayoutAsked(given=Given(tp=1, pp=1, cp=1, zero=0), precise=precise)
        (first, *_), _ = layouts(spec, way, where, 2, asked_of)
        sizes[precise] = {part.part: part.bytes for part in first.parts}
    assert sizes[True]["weights"] == sizes[False]["weights"] == 2 * 1_100_048_384
    assert sizes[False]["optimizer"] == pytest.approx(12 * 1_100_048_384, rel=0.01)
    assert sizes[True]["optimizer"] == pytest.approx(4 * 1_100_048_384, rel=0.01)


@pytest.mark.parametrize("model", ["falcon-7b", "mixtral-8x7b"])
def test_each_number_may_be_given_alone_and_the_others_are_searched(model: str) -> None:
    """71 heads are shared by no two, 2,047 tokens are cut by no two, a dense model has no experts to deal out."""
    dense, odd = model == "falcon-7b", 2047 if model == "falcon-7b" else 2048
    numbers = ("pp",) if dense else ("tp", "pp", "vp", "cp", "ep")
    for name in numbers:
        best, _ = cut(model, "8x h200", sequence=odd, batch=8 * odd, **{name: 2})
        assert all(getattr(one, name) == 2 for one in best), name
    if dense:
        for name in ("tp", "cp", "ep"):
            with pytest.raises(UsageError):
                cut(model, "8x h200", sequence=odd, batch=8 * odd, **{name: 2})


def test_a_share_of_the_rate_is_one_thing_where_a_step_and_a_run_have_each_their_own() -> None:
    run_of = ("train", "llama-3-8b", "--gpu", "64x h100", "--tokens", "1T")
    found = run(*run_of, "-o", "json").json()
    step, whole = found["layouts"][0], found["compute"]
    assert step["mfu"] == pytest.approx(6 * 8_030_261_248 * step["tokens_per_second"] / 64 / 989.4e12)
    assert whole["mfu"] == pytest.approx(6 * 8_030_261_248 * 1e12 / (whole["device_hours"] * 3600 * 989.4e12))
    told = [line for line in found["warnings"] if "MFU is 6 FLOPs" in line]
    assert len(told) == 1
    assert f"~{step['mfu']:.2f} in the modelled step" in told[0]
    assert f"{whole['mfu']:.3f} over the whole run" in told[0]
    assert "as given (--mfu)" in run(*run_of, "--mfu", "0.4", "--width", "300").out
    assert "MFU is 6" not in run(*run_of[:4], "--width", "300").out
    assert "同一定义" in run(*run_of, "--lang", "zh").out


def test_completions_that_are_made_while_training_are_not_divided_over_devices() -> None:
    asked = ("train", "llama-3-8b", "--objective", "grpo", "--gpu", "8x h100")
    found = run(*asked, "-o", "json").json()
    assert found["layouts"] == []
    assert any("--objective grpo makes completions while training" in line for line in found["warnings"])
    assert "在训练中生成回答" in run(*asked, "--lang", "zh").out
    assert run(*asked, "--tp", "2").status == 4


def first_of(*more: str) -> dict[str, Any]:
    cut = ("--gpu", "8x h100", "--zero", "3", "--tp", "1", "--pp", "1", "--cp", "1", "--micro-batch", "1")
    found: dict[str, Any] = run("train", "llama-3-8b", "--seq", "2k", *cut, *more, "-o", "json").json()
    return found


def test_preferences_are_divided_as_pairs_with_the_reference_s_weights_and_forward_pass() -> None:
    plain, spared, whole = (
        first_of("--loss", "trl", *more)
        for more in ((), ("--objective", "dpo", "--precompute-ref"), ("--objective", "dpo"))
    )
    tokens = plain["layout_search"]["global_batch"]
    assert spared["layout_search"]["global_batch"] == whole["layout_search"]["global_batch"] == tokens
    counts = [found["layouts"][0]["micro_batches"] for found in (plain, spared, whole)]
    assert counts[1] == counts[2] == counts[0] // 2
    parts = [{part["part"]: part["bytes"] for part in found["layouts"][0]["parts"]} for found in (plain, spared, whole)]
    assert parts[2]["weights"] == 2 * parts[1]["weights"] == 2 * parts[0]["weights"]
    assert parts[1]["activations"] > 1.5 * parts[0]["activations"]
    steps = [found["layouts"][0]["step_seconds"] for found in (plain, spared, whole)]
    assert steps[1] == pytest.approx(steps[0])
    assert steps[2] == pytest.approx(4 / 3 * steps[0])


def test_adapters_have_their_reference_for_nothing_but_its_pass() -> None:
    lora = ("--method", "lora", "--loss", "trl", "--objective")
    alone, beside = (first_of(*lora, each)["layouts"][0] for each in ("orpo", "dpo"))
    assert beside["parts"][0]["bytes"] == alone["parts"][0]["bytes"]
    assert beside["step_seconds"] > alone["step_seconds"]

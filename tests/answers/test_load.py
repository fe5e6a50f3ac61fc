"""Many users of a server: what they get, which devices serve them, and what is refused."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from benchmarks.fit_load import asked, rows

from llmscale import estimate, needs
from llmscale.answers.given import MAX_CONTEXT
from llmscale.answers.load import LoadAsked, load_of, shown
from llmscale.answers.question import MAX_BATCH
from llmscale.answers.results.load import ServedLoad
from llmscale.errors import UsageError
from llmscale.fit.under_load import UnderLoad
from llmscale.speed.interleaved import Steady, Users
from llmscale.speed.predict import Speed
from llmscale.store.tables import table
from tests.cli.refusals import USAGE, refused
from tests.helpers import good, run

LLAMA = "llama-3.1-8b"
USERS = ["--users", "20", "--in", "2k", "--out", "500"]
TARGETS = ["--ttft", "1s", "--tpot", "50ms"]


def printed(*words: str) -> str:
    return good(*words).out


def served(gpu: str = "h100", model: str = "llama-3.1-8b", quant: str = "fp8", **more: Any) -> ServedLoad:
    asked_for = {"users": 20, "prompt": "2k", "answer": 500} | more
    found = estimate(model, quant, gpu=gpu, **asked_for).estimates[0].devices[0].under_load
    assert found is not None
    return found


def test_an_estimate_says_what_the_users_get() -> None:
    answer = printed("estimate", "llama-3.1-8b", "-q", "fp8", "--gpu", "h100", *USERS, "-o", "json")
    content = json.loads(answer)
    load = content["estimates"][0]["devices"][0]["under_load"]
    assert (content["context"], content["batch"], content["users"]) == (2548, 20, 20)
    assert (load["users"], load["prompt_tokens"], load["answer_tokens"], load["running"]) == (20, 2048, 500, 20)
    for name in ("tokens_per_second", "first_token_seconds", "token_seconds"):
        low, high = load[f"{name}_range"]
        assert low < load[name] < high
    assert load["tokens_per_second"] == pytest.approx(20 * load["tokens_per_second_per_user"])
    assert load["meets"] is None
    shown = printed("estimate", "llama-3.1-8b", "-q", "fp8", "--gpu", "h100", *USERS)
    assert "20 users at once of 2,048 + 500 tokens on h100 in FP8" in shown


def test_without_users_nothing_is_said_of_them() -> None:
    assert estimate("llama-3.1-8b", "fp8", gpu="h100").estimates[0].devices[0].under_load is None
    assert "users at once of" not in printed("estimate", "llama-3.1-8b", "-q", "fp8", "--gpu", "h100")


def test_a_format_that_no_server_runs_by_itself_is_asked_of_one() -> None:
    line = estimate("llama-3.1-8b", "bf16", gpu="h100", users=4, prompt=1000, answer=100).estimates[0]
    assert line.runtime == estimate("llama-3.1-8b", gpu="h100").estimates[0].runtime
    assert line.devices[0].under_load is not None


def test_what_answers_one_after_another_has_no_figures() -> None:
    shown = printed("estimate", "llama-3.1-8b", "-q", "bf16", "--gpu", "h100", *USERS, "--runtime", "transformers")
    assert "what many users get is not known" in shown


@pytest.mark.parametrize(
    ("runtime", "quant", "gpu"),
    [("sglang", "fp8", "h100"), ("llama.cpp", "q4_k_m", "rtx4090"), ("vllm", "fp8", "rtx4090")],
)
def test_other_servers_and_cards_answer_too(runtime: str, quant: str, gpu: str) -> None:
    found = served(gpu, quant=quant, runtime=runtime, answer=100)
    assert found.running == 20
    assert found.tokens_per_second > 0


def test_a_room_of_a_step_that_is_named_is_used() -> None:
    assert served(max_num_batched_tokens=512).step_tokens == 512
    assert served(runtime="sglang", chunked_prefill_size=1024).step_tokens == 1024
    assert served("rtx4090", quant="q4_k_m", runtime="llama.cpp", ubatch=256).step_tokens == 256
    assert served(max_num_seqs=4).running == 4


def test_users_for_whom_there_is_no_memory_wait() -> None:
    found = served("a100-40gb", quant="bf16", users=64, prompt="8k", runtime="vllm")
    assert found.running < 64
    assert found.first_token_seconds > 10
    shown = printed(
        "estimate", "llama-3.1-8b", "-q", "bf16", "--gpu", "a100-40gb", "--users", "64", "--in", "8k", "--out", "500"
    )
    assert f"Only {found.running} run at once" in shown


def test_cards_that_share_no_matrix_do_not_hasten_a_step() -> None:
    pair, four = served("2x h100", runtime="vllm"), served("4x h100", runtime="vllm", tp=2)
    assert four.tokens_per_second == pytest.approx(pair.tokens_per_second, rel=0.01)
    replicas = served("4x h100", runtime="vllm", dp=4)
    alone = served("h100", runtime="vllm", users=5)
    assert (replicas.replicas, replicas.running) == (4, 20)
    assert replicas.token_seconds == pytest.approx(alone.token_seconds)
    assert replicas.tokens_per_second == pytest.approx(4 * alone.tokens_per_second)
    assert served("4x h100", runtime="vllm").tokens_per_second > pair.tokens_per_second


def test_stages_of_a_pipeline_have_no_figures() -> None:
    words = ["estimate", "llama-3.1-8b", "-q", "fp8", "--gpu", "2x h100", "--runtime", "vllm", "--pp", "2"]
    assert "what many users get is not known" in printed(*words, *USERS)


def test_slots_of_which_not_all_fit_are_as_many_as_do() -> None:
    found = served("rtx4090", quant="q4_k_m", runtime="llama.cpp", users=400, prompt="4k", answer=100)
    assert 1 <= found.running < 400


def test_where_nothing_has_room_nothing_is_said() -> None:
    shown = printed("estimate", "llama-3.1-70b", "-q", "bf16", "--gpu", "rtx4090", *USERS, "--explain")
    assert "what many users get is not known" in shown
    assert "20 users on" not in shown


def test_targets_are_met_or_not() -> None:
    easy, hard = served(ttft="30s", tpot="1s"), served(ttft="1s", tpot="1ms")
    assert (easy.meets, easy.surely_meets) == (True, True)
    assert (hard.meets, hard.surely_meets) == (False, False)
    middle = served(tpot=f"{1000 * served().token_seconds + 0.1:.4g}ms")
    assert (middle.meets, middle.surely_meets) == (True, False)


def test_the_formula_is_shown_with_its_numbers() -> None:
    shown = printed("estimate", "llama-3.1-8b", "-q", "fp8", "--gpu", "h100", *USERS, "--explain")
    assert "20 users on h100: 500 steps x" in " ".join(shown.split())
    chinese = printed("estimate", "llama-3.1-8b", "-q", "fp8", "--gpu", "h100", *USERS, "--explain", "--lang", "zh")
    assert "h100 上 20 个用户:500 步" in chinese


def test_needs_ranks_what_meets_the_targets_cheapest_first() -> None:
    content = json.loads(printed("needs", "llama-3.1-8b", *USERS, *TARGETS, "-o", "json"))
    assert (content["ttft"], content["tpot"], content["nearest"]) == (1.0, 0.05, None)
    rents = [sum(line["usd_per_hour"]) for line in content["devices"] if line["usd_per_hour"]]
    assert len(rents) > 5
    assert rents == sorted(rents)
    for line in content["devices"]:
        load = line["under_load"]
        assert load["meets"]
        assert load["first_token_seconds"] <= 1
        assert load["token_seconds"] <= 0.05
        assert line["count"] == line["tensor_parallel"] * line["replicas"]
    first = content["devices"][0]
    again = served(first["id"], quant=first["quant"], runtime=first["runtime"])
    assert again.tokens_per_second == pytest.approx(first["under_load"]["tokens_per_second"])


def test_a_line_of_several_servers_is_what_each_does_together() -> None:
    found = needs(
        "llama-3.1-8b", "bf16", users=200, prompt="1k", answer=200, tpot="25ms", kind="datacentre", everything=True
    )
    line = next(line for line in found.devices if line.replicas > 1 and line.tensor_parallel == 1)
    alone = served(line.id, quant="bf16", users=-(-200 // line.replicas), prompt="1k", answer=200, runtime=line.runtime)
    assert line.under_load.tokens_per_second == pytest.approx(line.replicas * alone.tokens_per_second)
    assert line.under_load.token_seconds == pytest.approx(alone.token_seconds)


def test_where_nothing_meets_the_targets_the_nearest_is_named() -> None:
    found = needs("llama-3.1-70b", users=200, prompt="2k", answer=500, ttft="10ms", tpot="1ms")
    assert found.devices == ()
    assert found.nearest is not None
    assert not found.nearest.under_load.meets
    shown = printed("needs", "llama-3.1-70b", "--users", "200", "--in", "2k", "--out", "500", "--ttft", "10ms")
    assert "(first token within 10 ms)" in shown
    assert "nothing does; nearest comes" in shown


def test_without_targets_all_users_must_run() -> None:
    found = needs("llama-3.1-8b", users=64, prompt="8k", answer=500, kind="datacentre", max_count=1)
    assert found.devices
    assert all(line.under_load.running == 64 and line.count == 1 for line in found.devices)


def test_without_a_target_of_the_first_token_nobody_waits_for_memory() -> None:
    found = needs("qwen3-32b", users=50, prompt="4k", answer="1k", tpot="40ms", kind="datacentre")
    assert found.devices
    assert all(line.under_load.running == 50 for line in found.devices)


def test_a_price_bounds_what_is_offered() -> None:
    found = needs("llama-3.1-8b", users=4, prompt=500, answer=100, max_price=2000)
    assert found.devices
    assert all(line.price_usd and line.price_usd <= 2000 for line in found.devices)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--users", "0", "--in", "2k", "--out", "5"], "--users 0"),
        (["--users", "-3", "--in", "2k", "--out", "5"], "--users -3"),
        (["--users", "20"], "--in and --out must be said"),
        (["--in", "2k", "--out", "5"], "--users must be said"),
        (["--ttft", "1s"], "--users and --in and --out must be said"),
        (["--users", "2", "--in", "x", "--out", "5"], "--in 'x'"),
        (["--users", "2", "--in", "2k", "--out", "0"], "--out 0"),
        (["--users", "2", "--in", "2k", "--out", "5", "-c", "4096"], "Leave --context and --batch away"),
        (["--users", "2", "--in", "2k", "--out", "5", "-b", "4"], "Leave --context and --batch away"),
        (["--users", "2", "--in", "2k", "--out", "5", "--ttft", "1"], "For example 1s or 50ms"),
        (["--users", "2", "--in", "2k", "--out", "5", "--tpot", "-5ms"], "--tpot '-5ms'"),
        (["--users", "2", "--in", "2k", "--out", "5", "--ttft", "0s"], "--ttft 0s"),
        (["--users", "2", "--in", "2k", "--out", "5", "--ttft", "2000000s"], "up to a day"),
    ],
)
@pytest.mark.parametrize("asking", [["needs", "llama-3.1-8b"], ["estimate", "llama-3.1-8b", "--gpu", "h100"]])
def test_what_cannot_be_meant_is_refused(asking: list[str], words: list[str], said: str) -> None:
    refused(run(*asking, *words), USAGE, said)


def test_users_need_a_device_and_do_not_train() -> None:
    refused(run("estimate", "llama-3.1-8b", *USERS), USAGE, "--users asks about a device")
    refused(run("needs", "llama-3.1-8b", *USERS, "--train", "lora"), USAGE, "Leave one of them away")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_each_answer_is_in_one_language(lang: str) -> None:
    for words in (["estimate", "llama-3.1-8b", "-q", "fp8", "--gpu", "h100"], ["needs", "llama-3.1-8b"]):
        shown = printed(*words, *USERS, *TARGETS, "--lang", lang)
        assert ("users" in shown) is (lang == "en")
        assert ("用户" in shown) is (lang == "zh")


def test_published_servers_do_what_is_said() -> None:
    """One row in three: the ranges hold, and the middle is near."""
    found = [one for row in [row for row in rows() if not row["unusual"]][::3] if (one := asked(row))]
    assert len(found) > 50
    ours = [
        (
            served(
                f"{one.row['tp']}x {one.row['card']}",
                one.row["model"],
                one.row["quant"],
                users=one.users.number,
                prompt=one.users.prompt,
                answer=one.users.answer,
                runtime=one.row["engine"],
            ),
            one.row["tokens_per_second"],
        )
        for one in found
    ]
    errors = sorted(abs(said.tokens_per_second / truth - 1) for said, truth in ours)
    inside = sum(said.tokens_per_second_range[0] <= truth <= said.tokens_per_second_range[1] for said, truth in ours)
    assert errors[len(errors) // 2] < 0.2
    assert inside / len(ours) >= 0.9
    assert set(table("load")["runtimes"]) == {one.row["engine"] for one in found} | {"vllm"}


def test_one_of_each_may_be_asked_for_and_half_of_the_longest_context() -> None:
    most = MAX_CONTEXT // 2
    for users, prompt, answer in ((1, 1, 1), (MAX_BATCH, 1, 1), (1, most, 1), (1, 1, most)):
        found = load_of(users, prompt, answer)
        assert found is not None
        assert found.users == Users(users, prompt, answer)
    for users, prompt, answer in ((0, 1, 1), (MAX_BATCH + 1, 1, 1), (1, most + 1, 1), (1, 1, most + 1), (1, 0, 1)):
        with pytest.raises(UsageError, match="is not possible"):
            load_of(users, prompt, answer)
    assert load_of(None, None, None) is None


def test_times_are_read_with_their_units() -> None:
    found = load_of(1, 1, 1, "1.5s", "20 MS")
    assert found is not None
    assert (found.ttft, found.tpot) == (1.5, 0.02)
    last = load_of(1, 1, 1, "86400s", ".5ms")
    assert last is not None
    assert (last.ttft, last.tpot) == (86400, 0.0005)
    for text in ("86400.1s", "0ms", "1", "s", "1m"):
        with pytest.raises(UsageError):
            load_of(1, 1, 1, text)


def test_a_target_is_met_at_the_very_time_and_surely_where_the_latest_is() -> None:
    """First token after 1 s, 2 s at the latest; 50 ms between two, 80 ms at the latest."""
    users = Users(10, 100, 20)
    state = Steady(4, 4, 1.0, 0.05, 0.1, 2.0, 1.0, 1.0, 0.05, users)
    found = UnderLoad(state, Speed(40.0, 20.0, 60.0, True), Speed(1.0, 0.5, 2.0, True), Speed(0.05, 0.03, 0.08, True))
    for ttft, tpot, meets in (
        (1.0, None, (True, False)),
        (0.99, None, (False, False)),
        (2.0, None, (True, True)),
        (1.99, None, (True, False)),
        (None, 0.05, (True, False)),
        (None, 0.08, (True, True)),
        (2.0, 0.07, (True, False)),
        (2.0, 0.04, (False, False)),
        (None, None, (None, None)),
    ):
        line = shown(found, LoadAsked(users, ttft, tpot), 512, 2)
        assert (line.meets, line.surely_meets) == meets, (ttft, tpot)
    assert (line.running, line.replicas, line.step_tokens) == (8, 2, 512)
    assert (line.tokens_per_second, line.tokens_per_second_range) == (80, (40, 120))
    assert line.tokens_per_second_per_user == 8
    assert shown(found, LoadAsked(users), 512, 3).running == 10


def test_users_are_dealt_out_to_servers_and_the_fullest_is_asked_about() -> None:
    for number, replicas, each in ((10, 1, 10), (10, 3, 4), (9, 3, 3), (1, 4, 1)):
        assert LoadAsked(Users(number, 7, 5)).among(replicas).users == Users(each, 7, 5)


def test_what_is_explained_of_a_cycle_adds_up() -> None:
    asked: dict[str, Any] = {"users": 20, "prompt": 2048, "answer": 500, "explain": True}
    (line,) = (one for one in estimate(LLAMA, "fp8", gpu="h100", **asked).explanation if "20 users on" in one)
    told = re.search(
        r"([\d.,e+]+) steps x ([\d.]+) ms \+ (\d+) prompts x ([\d.]+) ms \+ ([\d.]+) ms of each request = ([\d.]+) s",
        line,
    )
    assert told is not None
    steps, step, prompts, prompt, request, cycle = (float(each.replace(",", "")) for each in told.groups())
    assert steps * step + prompts * prompt + request == pytest.approx(1000 * cycle, rel=0.01)
    assert request == pytest.approx(table("load")["host"]["request_us"] / 1000, rel=0.05)
    assert f"in which {int(prompts) * 500:,} tokens are written" in line

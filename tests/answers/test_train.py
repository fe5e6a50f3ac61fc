"""``train``: counts, bytes, and what cannot be trained."""

from __future__ import annotations

import pytest

from llmscale.answers.train import train
from llmscale.errors import LlmscaleError
from tests.helpers import run

GIB = 2**30


def test_full_training_in_fp32_takes_sixteen_bytes_a_parameter() -> None:
    memory = train("llama-2-7b").memory
    counters = 4 * 291
    assert memory.weights_bytes == memory.gradients_bytes == 4 * 6_738_415_616
    assert memory.optimizer_bytes == 8 * 6_738_415_616 + counters
    assert memory.states_bytes == memory.weights_bytes + memory.gradients_bytes + memory.optimizer_bytes


def test_recipes_are_the_bytes_that_sources_name() -> None:
    found = {line.precision: round(line.total) for line in train("llama-2-7b").recipes}
    assert found == {"fp32": 16, "amp": 16, "bf16": 8, "megatron": 18, "deepspeed": 16}


def test_adapters_are_fp32_beside_weights_of_sixteen_bits_and_saved_modules_are_not() -> None:
    plain = train("llama-3.2-1b", method="lora", lora_targets="q_proj")
    saved = train("llama-3.2-1b", method="lora", lora_targets="q_proj", modules_to_save="lm_head")
    adapters = plain.trainable_parameters
    assert plain.memory.gradients_bytes == 4 * adapters
    assert plain.memory.weights_bytes == 2 * (plain.total_parameters - adapters) + 4 * adapters
    head = saved.trainable_parameters - adapters
    assert saved.memory.gradients_bytes - plain.memory.gradients_bytes == 2 * head


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["llama-2-7b", "--method", "lora", "--lora-rank", "0"], 2, "rank is at least 1"),
        (["llama-2-7b", "--method", "magic"], 2, "--method magic"),
        (["llama-2-7b", "--optimizer", "magic"], 2, "--optimizer magic"),
        (["llama-2-7b", "--precision", "fp4"], 2, "--precision fp4"),
        (["llama-2-7b", "--method", "lora", "--lora-bias", "some"], 2, "--lora-bias some"),
        (["llama-2-7b", "--method", "prefix", "--virtual-tokens", "0"], 2, "--virtual-tokens 0"),
        (["llama-2-7b", "--method", "lora", "--lora-targets", "q_pro"], 2, "q_proj, k_proj"),
        (["gpt-4"], 3, "GPT-4"),
        (["mamba-1.4b", "--method", "lora", "--lora-targets", "all-linear"], 2, "past any adapter"),
    ],
)
def test_what_cannot_be_meant_is_one_message(arguments: list[str], status: int, said: str) -> None:
    answer = run("train", *arguments)
    assert (answer.status, answer.out) == (status, "")
    assert said in answer.err


def test_the_command_line_prints_what_peft_prints() -> None:
    answer = run("train", "llama-3-8b", "--method", "lora", "--lora-rank", "16", "--lora-targets", "all-linear")
    assert answer.status == 0
    assert "41,943,040 || Total: 8,072,204,288 || 0.5196 %" in " ".join(answer.out.split())
    found = run("train", "llama-3-8b", "--method", "lora", "--lora-targets", "all-linear", "-o", "json").json()
    assert (found["command"], found["trainable_parameters"]) == ("train", 20_971_520)


def test_what_is_undisclosed_is_an_error_of_its_own() -> None:
    with pytest.raises(LlmscaleError):
        train("gpt-4")


def test_the_step_decides_how_much_full_training_in_bf16_takes() -> None:
    found = run("train", "llama-2-7b", "--precision", "bf16", "--seq", "2048", "-o", "json").json()
    assert found["memory"]["total_bytes"] / GIB == pytest.approx(50.2, abs=0.05)
    assert found["memory"]["activations_bytes"] / GIB == pytest.approx(11.69, abs=0.01)
    assert found["peaks"]["moment"] == "step"
    assert (found["sequence"], found["micro_batch"], found["checkpointing"]) == (2048, 1, "none")


def test_lora_keeps_more_than_full_training_unless_adapters_are_bf16() -> None:
    lora = ("llama-2-7b", "--method", "lora", "--lora-rank", "16", "--lora-targets", "all-linear")
    kept = [
        run("train", *arguments, "--precision", "bf16", "-o", "json").json()["memory"]["activations_bytes"] / GIB
        for arguments in (("llama-2-7b",), lora, (*lora, "--adapter-dtype", "bf16"))
    ]
    assert kept[1] == pytest.approx(17.0, abs=0.05)
    assert kept[2] < kept[0] < kept[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["llama-2-7b", "--method", "ia3"],
        ["llama-2-7b", "--precision", "megatron"],
        ["bart-base"],
    ],
)
def test_what_is_not_modelled_has_no_peak_and_says_so(arguments: list[str]) -> None:
    answer = run("train", *arguments, "-o", "json").json()
    assert answer["peaks"] is None
    assert answer["memory"]["activations_bytes"] is None
    assert any("not modelled" in note for note in answer["warnings"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seq", "0"], "--seq"),
        (["--micro-batch", "0"], "--micro-batch"),
        (["--checkpointing", "some"], "--checkpointing some"),
        (["--attn", "fast"], "--attn fast"),
        (["--adapter-dtype", "fp8"], "--adapter-dtype fp8"),
    ],
)
def test_a_step_that_cannot_be_is_one_message(arguments: list[str], said: str) -> None:
    answer = run("train", "llama-2-7b", *arguments)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err


def test_the_last_layer_alone_has_gradients_and_what_comes_before_keeps_nothing() -> None:
    asked = ("train", "gpt2", "--precision", "bf16", "--micro-batch", "8", "--seq", "512", "-o", "json")
    full, last = (run(*asked, *method).json() for method in ((), ("--method", "freeze", "--train-layers", "last:1")))
    layer = 12 * 768**2 + 13 * 768
    assert last["trainable_parameters"] == layer
    assert last["memory"]["gradients_bytes"] == 2 * layer
    kept = [each["memory"]["activations_bytes"] for each in (full, last)]
    assert kept[1] < 0.55 * kept[0]
    two = run(*asked, "--method", "freeze", "--train-layers", "last:2").json()["memory"]["activations_bytes"]
    assert kept[1] < two < kept[0]
    assert not any("peft" in told for told in last["warnings"])


@pytest.mark.parametrize("layers", ["last:0", "last:99", "first:1", "last:", "last:1e9"])
def test_layers_that_are_not_there_are_one_message(layers: str) -> None:
    answer = run("train", "gpt2", "--method", "freeze", "--train-layers", layers)
    assert (answer.status, answer.out) == (2, "")
    assert "--train-layers" in answer.err


def test_preferences_take_two_sequences_and_full_training_a_reference() -> None:
    asked = ("train", "llama-3-8b", "--precision", "bf16", "-o", "json")
    plain, preferred, before = (
        run(*asked, *more).json()["memory"]
        for more in ((), ("--objective", "dpo"), ("--objective", "dpo", "--precompute-ref"))
    )
    two = run(*asked, "--micro-batch", "2", "--loss", "trl").json()["memory"]
    assert preferred["activations_bytes"] == two["activations_bytes"]
    assert preferred["weights_bytes"] - plain["weights_bytes"] == 2 * 8_030_261_248
    assert before == two
    lora = ("train", "llama-3-8b", "--method", "lora", "-o", "json")
    weights = [run(*lora, *more).json()["memory"]["weights_bytes"] for more in ((), ("--objective", "dpo"))]
    assert weights[0] == weights[1]
    refused = run("train", "llama-3-8b", "--objective", "rlhf")
    assert (refused.status, refused.out) == (2, "")


def test_what_stays_unpacked_is_said_with_its_format() -> None:
    found = " ".join(run("train", "qwen3-14b", "--method", "qlora").out.split())
    assert "1,556,249,600 parameters in fp32, 6.22 GB; --kbit-prepare none, in bf16, saves 3.11 GB" in found
    narrow = " ".join(run("train", "qwen3-14b", "--method", "qlora", "--kbit-prepare", "none").out.split())
    assert "in bf16, 3.11 GB; peft's preparation would add 3.11 GB" in narrow
    assert "保留 bf16" in run("train", "qwen3-14b", "--method", "qlora", "--lang", "zh").out


def test_adapters_of_experts_keep_a_second_set_of_matrices_and_it_is_said() -> None:
    asked = ("train", "mixtral-8x7b", "--method", "lora", "--seq", "512", "-o", "json")
    found, attention = (
        run(*asked, "--lora-targets", targets).json() for targets in ("all-linear", "q_proj,k_proj,v_proj,o_proj")
    )
    layer = 2 * 8 * 3 * 4096 * 14336
    assert found["memory"]["activations_bytes"] - attention["memory"]["activations_bytes"] > 32 * layer
    assert any("2.82 GB a layer" in told for told in found["warnings"])
    assert not any("a layer" in told for told in attention["warnings"])


def test_a_query_of_low_rank_keeps_its_factor_as_well() -> None:
    found = run("train", "deepseek-v2", "--precision", "bf16", "--seq", "512", "-o", "json").json()
    assert found["peaks"]["moment"] in ("backward", "step")
    assert found["memory"]["activations_bytes"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("llama-3-8b", "--precision", "bf16", "--objective", "dpo"), "冻结副本"),
        (("llama-3-8b", "--method", "lora", "--objective", "dpo"), "0 字节"),
        (("llama-3-8b", "--precision", "bf16", "--objective", "dpo", "--precompute-ref"), "训练时不在显存中"),
        (("qwen3-0.6b", "--seq", "20480"), "logits"),
        (("mixtral-8x7b", "--method", "lora", "--lora-targets", "all-linear"), "autograd 保留其和"),
        (("qwen3-14b", "--method", "qlora"), "激活占其中"),
        (("7B",), "只有规模而无结构"),
        (("llama-3-8b", "--gpu", "rtx4090", "--method", "lora", "--checkpointing", "full"), "可以:"),
        (("bart-base", "--gpu", "rtx4090", "--method", "full"), "未知:"),
        (("llama-3-8b", "--gpu", "rtx4090"), "确定放得下"),
        (("llama-3.1-405b", "--gpu", "8x h100"), "没有放得下的切分"),
    ],
)
def test_what_is_said_is_said_in_chinese(arguments: tuple[str, ...], said: str) -> None:
    assert said in run("train", *arguments, "--lang", "zh").out


@pytest.mark.parametrize("flags", [("--modules-to-save", "lm_head"), ("--lora-bias", "all")])
def test_what_is_trained_besides_adapters_has_weights_and_states_but_no_peaks(flags: tuple[str, str]) -> None:
    answer = run("train", "llama-2-7b", "--method", "lora", *flags, "-o", "json")
    assert answer.status == 0, answer.err
    found = answer.json()
    assert found["peaks"] is None
    assert found["memory"]["weights_bytes"] > 0
    assert any(flags[0] in told for told in found["warnings"])


@pytest.mark.parametrize(
    ("arguments", "same"),
    [
        (("--method", "prefix_tuning"), ("--method", "prefix")),
        (("--method", "LORA"), ("--method", "lora")),
        (("--optimizer", "adamw_torch"), ("--optimizer", "adamw-foreach")),
        (("--optimizer", "adamw_bnb_8bit"), ("--optimizer", "adamw-8bit")),
    ],
)
def test_names_of_peft_and_transformers_are_known(arguments: tuple[str, ...], same: tuple[str, ...]) -> None:
    assert run("train", "llama-2-7b", *arguments).out == run("train", "llama-2-7b", *same).out


def test_the_first_line_names_the_rank_and_what_is_adapted() -> None:
    lora = ("train", "llama-3-8b", "--method", "lora")
    assert run(*lora).out.startswith("Meta Llama 3 8B, lora r8 (q_proj, v_proj): 28.4 GiB at the most")
    wide = run(*lora, "--lora-rank", "16", "--lora-targets", "all-linear")
    assert "lora r16 (7 kinds of module): " in wide.out.splitlines()[0]
    assert run(*lora, "--lang", "zh").out.startswith("Meta Llama 3 8B,lora r8(q_proj、v_proj):最多")
    assert run(*lora, "-o", "json").json()["rank"] == 8
    assert run("train", "llama-3-8b", "-o", "json").json()["rank"] == 0
    assert "by lora r8 at" in run(*lora, "--gpu", "h100").out.splitlines()[0]


def test_of_a_size_the_first_line_is_no_exact_figure_and_several_devices_divide_what_one_holds() -> None:
    assert run("train", "7B").out.startswith("7B, full: ~")
    divided = ("train", "70B", "--gpu", "2x rtx3090")
    assert "Most in any step, undivided: ~" in run(*divided).out
    assert "各步最大值(未切分)" in run(*divided, "--lang", "zh").out


def test_what_sdpa_has_no_kernel_for_is_composed_and_says_so() -> None:
    of = ("train", "deepseek-v2-lite", "--precision", "bf16")
    composed, fused = (run(*of, "--attn", way, "-o", "json").json() for way in ("sdpa", "flash"))
    assert composed["memory"]["activations_bytes"] > 1.5 * fused["memory"]["activations_bytes"]
    assert any("--attn flash" in line for line in composed["warnings"])
    assert not any("--attn flash" in line for line in fused["warnings"])
    assert "组合实现" in run(*of, "--lang", "zh").out
    learnt = run("train", "t5-base", "-o", "json").json()
    assert any("memory-efficient kernel keeps none." in line for line in learnt["warnings"])
    assert run("train", "t5-base", "--attn", "flash", "-o", "json").json()["peaks"] is None


@pytest.mark.parametrize("model", ["whisper-small", "t5-base"])
def test_losses_without_logits_are_not_modelled_behind_two_stacks(model: str) -> None:
    found = run("train", model, "--precision", "bf16", "--loss", "cut", "-o", "json").json()
    assert found["peaks"] is None
    assert any("--loss cut behind two stacks" in line for line in found["warnings"])

"""The runtime as an estimate asks it: parts, options, refusals, and the lines of ``--explain``."""

from __future__ import annotations

import re

import pytest

from llmscale import estimate, needs
from llmscale.catalogue.summaries import compiled, summaries
from llmscale.devices.sets import device_set
from llmscale.errors import UsageError
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import number_format, quant
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.subject import Exact
from llmscale.runtimes.transformers.rule import moments
from llmscale.runtimes.transformers.runtime import Transformers, runtime
from llmscale.runtimes.transformers.summary import between, summarise
from llmscale.sources.registry import load
from llmscale.units import GIB
from tests.helpers import said

RULE: Transformers = runtime("5.23.0")


def asked(context: int, batch: int = 1, width: int = 2, **options: str) -> Workload:
    return Workload(context, batch, number_format("fp16"), width, None, tuple(options.items()))


def subject(name: str, form: str = "bf16") -> Exact:
    found = model_of(load(name).known()).subject(quant(form), "transformers")
    assert isinstance(found, Exact)
    return found


def explained(of: Exact, work: Workload) -> list[str]:
    devices = device_set("h100")
    return list(RULE.explain(of, work, RULE.place(of, work, devices), devices))


def compute(name: str, context: int, form: str = "bf16", batch: int = 1, **options: str) -> int:
    return RULE.memory(subject(name, form), asked(context, batch, **options)).compute.value


def test_its_parts_are_those_of_the_cache_and_the_rest_of_the_peak() -> None:
    of = subject("llama-2-7b")
    held = RULE.memory(of, asked(4096))
    assert held.cache.value == 2 * 32 * 4096 * 4096 * 2
    assert held.state.value == 0
    # Embeddings, input, residual, normalised copy; gate, up, product; cosines and sines; four tensors of token numbers.
    assert held.compute.value == 4096 * (2 * (4 * 4096 + 3 * 11008 + 2 * 128) + 4 * 8)


def test_single_operations_take_more_than_sdpa_and_flash_attention_needs_no_mask() -> None:
    sdpa, eager, flash = (
        compute("mistral-7b-v0.1", 8192, attn=attn) for attn in ("sdpa", "eager", "flash_attention_2")
    )
    assert eager > 4 * sdpa
    assert flash < sdpa
    assert compute("mistral-7b-v0.1", 8192) == sdpa


def test_a_class_without_sdpa_runs_by_single_operations_and_refuses_the_other() -> None:
    assert compute("gemma-2-2b", 2048) == compute("gemma-2-2b", 2048, attn="eager")
    with pytest.raises(UsageError, match="does not support SDPA"):
        compute("gemma-2-2b", 2048, attn="sdpa")


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("swinv2-tiny", {"attn": "eager"}, "not modelled for Swin"),
        ("minimax-text-01", {"cache": "static"}, "not modelled for MiniMax"),
        ("bert-base", {"cache": "static"}, "is an encoder and keeps no cache"),
        ("deberta-v3-base", {"attn": "sdpa"}, "does not support SDPA"),
        ("deberta-v3-base", {"attn": "flash_attention_2"}, "has no FlashAttention-2"),
        ("t5-small", {"attn": "flash_attention_2"}, "has no FlashAttention-2"),
        ("bart-base", {"cache": "static"}, "an encoder-decoder, is not modelled"),
        ("deepseek-v3", {"attn": "flash_attention_2"}, "is not modelled"),
    ],
)
def test_options_that_mean_nothing_are_refused(name: str, options: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        compute(name, 64, **options)


@pytest.mark.parametrize(("name", "value"), [("attn", "paged"), ("cache", "offloaded")])
def test_words_that_no_option_has_are_refused(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"'{value}' is not known"):
        estimate("llama-2-7b", ["bf16"], options={name: value})


def test_the_options_are_of_transformers_alone() -> None:
    with pytest.raises(UsageError, match=r"--attn is an option of transformers, and this is for llama\.cpp"):
        estimate("llama-2-7b", ["q4_k_m"], options={"attn": "eager"})
    with pytest.raises(UsageError, match="--cache is an option of transformers, and this is for vllm"):
        estimate("llama-2-7b", ["awq"], options={"cache": "static"})


def test_a_static_cache_is_no_smaller_and_saves_the_copy_of_the_answer() -> None:
    assert compute("llama-3.1-8b", 4096, cache="static") >= compute("llama-3.1-8b", 4096)


def test_weights_of_16_bits_are_copied_for_the_experts_of_an_answer_and_narrower_ones_are_not() -> None:
    copied = 16 * 2 * 3 * 4096 * 14336 * 2
    assert compute("mixtral-8x7b", 16, batch=16) > copied > compute("mixtral-8x7b", 16, form="int4", batch=16)


def test_explain_lists_the_moment_whose_terms_add_up() -> None:
    lines = explained(subject("llama-3.1-8b"), asked(4096))
    at = next(number for number, line in enumerate(lines) if line.startswith("  compute = "))
    whole = int(re.findall(r"has ([\d,]+) bytes alive", lines[at])[0].replace(",", ""))
    terms = [line for line in lines[at + 1 :] if line.startswith("    ")]
    assert sum(int(re.findall(r": ([\d,]+)", line)[0].replace(",", "")) for line in terms) == whole
    assert any("up: " in line and "x 2 bytes" in line for line in terms)
    assert "transformers 5.23.0" in lines[at]
    assert "a prompt of 1 x 4,096 tokens" in lines[at]
    assert "(assumed)" in lines[-1]


def test_explain_says_where_a_general_rule_answers_and_between_what() -> None:
    of = subject("swinv2-tiny")
    lines = explained(of, asked(128))
    (ruled,) = (line for line in lines if "a general rule" in line)
    found = RULE.memory(of, asked(128)).compute
    assert f"{found.low:,} to {found.high:,} (assumed" in ruled
    assert found.high == 25 * found.value == 25 * max(moments(of, asked(128)).values())
    assert any("KV cache = 0" in line for line in lines)


def test_what_is_traced_has_no_range_and_what_is_not_has_one() -> None:
    for name in ("bert-base", "mamba-130m", "t5-small", "llama-2-7b"):
        (line,) = estimate(name, ["fp16"]).estimates
        assert "compute_bytes" not in line.ranges
        assert line.basis["compute"] == "modelled"
    (line,) = estimate("minimax-text-01", ["fp16"]).estimates
    least, most = line.ranges["compute_bytes"]
    assert least < line.compute_bytes < most
    assert line.ranges["total_bytes"] == (
        line.total_bytes - line.compute_bytes + least,
        line.total_bytes - line.compute_bytes + most,
    )
    assert line.basis["compute"] == "assumed"


def test_a_model_under_the_rule_that_fits_only_at_its_least_may_fit() -> None:
    (line,) = estimate("minimax-text-01", ["nf4"], gpus=["8xh200"], context=200_000).estimates
    (device,) = line.devices
    assert (device.fits, device.may_fit) == (False, True)
    assert device.max_context is not None
    assert device.max_context < 200_000


def test_explain_tells_of_one_call_of_an_encoder() -> None:
    text = " ".join(explained(subject("bert-base"), asked(128, batch=3)))
    assert "one call for 3 x 128 tokens" in text
    assert "KV cache and state" not in text
    assert "one call for 3 x a picture of 197 tokens" in " ".join(explained(subject("vit-base"), asked(1, batch=3)))


def test_a_model_of_the_catalogue_is_drawn_between_points() -> None:
    of, points = subject("gemma-2-9b"), compiled("transformers", "gemma-2-9b")
    assert points == [list(point) for point in summarise(of)]
    for context, size in points:
        assert RULE.memory(of, asked(context)).compute.value == size
        assert RULE.memory(of, asked(context, batch=3)).compute.value == pytest.approx(3 * size, rel=0.01)
    assert summarise(subject("minimax-text-01")) is None
    assert len({size for _, size in summarise(subject("vit-base"))}) == 1


def test_lines_between_points_bend_upwards_only() -> None:
    points = [(1, 10), (11, 30), (21, 20)]
    assert [between(points, at) for at in (1, 6, 11, 16, 21)] == [10, 20, 30, 30, 30]
    assert between(points, 31) == 30
    assert between(points[:2], 21) == 50


def test_the_catalogue_holds_the_points_of_what_is_traced() -> None:
    drawn = {found.id: compiled("transformers", found.id) for found in summaries()}
    assert sum(bool(points) for points in drawn.values()) > 250
    assert drawn["minimax-text-01"] is None
    assert drawn["bert-base"] == [list(point) for point in summarise(subject("bert-base"))]


def test_needs_and_estimate_agree_on_a_class_without_sdpa() -> None:
    answer = needs("gemma-2-2b", ["bf16"], context=4096)
    line = answer.devices[0]
    (same,) = estimate("gemma-2-2b", ["bf16"], context=4096, gpus=[line.id]).estimates
    assert same.devices[0].headroom_bytes == line.headroom_bytes
    assert same.compute_bytes > GIB


def test_a_size_alone_takes_the_general_rule() -> None:
    (line,) = estimate("7B", ["fp16"]).estimates
    assert line.ranges["compute_bytes"][1] < 2 * GIB


def test_a_model_under_the_general_rule_is_warned_of_and_no_other() -> None:
    warned = "is not traced; a general rule stands for its activations"
    for name, most in (("minimax-text-01", 10), ("kimi-linear-48b-a3b", 10), ("swinv2-tiny", 25)):
        (warning,) = (warning for warning in said(estimate(name, ["fp16"])) if warned in warning)
        assert f"which may be {most} times as much" in warning
    for name in ("llama-2-7b", "bert-base", "rwkv-4-169m", "t5-small", "mamba-130m", "7B"):
        assert not any(warned in warning for warning in said(estimate(name, ["fp16"])))
    assert not any(warned in warning for warning in said(estimate("snowflake-arctic", ["q8_0"])))
    assert any(warned in warning for warning in said(estimate("snowflake-arctic", ["fp16"])))


def test_an_encoder_has_a_layer_at_its_widest_or_the_logits_of_every_token() -> None:
    assert compute("bert-base", 512) == 512 * (2 * (3 * 768 + 2 * 3072) + 2 * 8)
    assert compute("eurobert-210m", 512) > 512 * 128_256 * 2

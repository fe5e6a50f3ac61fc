"""The runtime as an estimate asks it: parts, options, refusals, and the lines of ``--explain``."""

from __future__ import annotations

import re

import pytest

from llmscale import estimate, needs
from llmscale.answers.catalogued import all_models
from llmscale.errors import UsageError
from llmscale.formats.catalogue import number_format, quant
from llmscale.model.shape import shape_of
from llmscale.runtimes import runtime
from llmscale.runtimes.interface import Options, Subject, Workload
from llmscale.runtimes.transformers.peak import between, points_of
from llmscale.sources.registry import load
from llmscale.units import GIB

RULE = runtime("transformers")


def asked(context: int, batch: int = 1, width: int = 2, **options: str) -> Workload:
    return Workload(context, batch, number_format("fp16"), width, None, Options(**options))  # type: ignore[arg-type]


def subject(name: str, form: str = "bf16") -> Subject:
    spec = load(name).known()
    return Subject(shape_of(spec), spec, quant(form))


def compute(name: str, context: int, form: str = "bf16", batch: int = 1, **options: str) -> int:
    return RULE.compute(subject(name, form), asked(context, batch, **options))


def test_its_parts_are_those_of_the_cache_and_the_rest_of_the_peak() -> None:
    of = subject("llama-2-7b")
    assert RULE.cache(of, asked(4096)) == 2 * 32 * 4096 * 4096 * 2
    assert RULE.state(of, asked(4096)) == 0
    # Embeddings, input, residual, normalised copy; gate, up, product; cosines and sines; four tensors of token numbers.
    assert RULE.compute(of, asked(4096)) == 4096 * (2 * (4 * 4096 + 3 * 11008 + 2 * 128) + 4 * 8)


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
        ("llama-2-7b", {"attn": "paged"}, "'paged' is not known"),
        ("llama-2-7b", {"cache": "offloaded"}, "'offloaded' is not known"),
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


def test_the_options_are_of_transformers_alone() -> None:
    with pytest.raises(UsageError, match=r"--attn is an option of transformers, and this is for llama\.cpp"):
        estimate("llama-2-7b", ["q4_k_m"], options=Options(attn="eager"))
    with pytest.raises(UsageError, match="--cache is an option of transformers, and this is for vllm"):
        estimate("llama-2-7b", ["awq"], options=Options(cache="static"))


def test_a_static_cache_is_no_smaller_and_saves_the_copy_of_the_answer() -> None:
    assert compute("llama-3.1-8b", 4096, cache="static") >= compute("llama-3.1-8b", 4096)


def test_weights_of_16_bits_are_copied_for_the_experts_of_an_answer_and_narrower_ones_are_not() -> None:
    copied = 16 * 2 * 3 * 4096 * 14336 * 2
    assert compute("mixtral-8x7b", 16, batch=16) > copied > compute("mixtral-8x7b", 16, form="int4", batch=16)


def test_explain_lists_the_moment_whose_terms_add_up() -> None:
    lines = list(RULE.explain(subject("llama-3.1-8b"), asked(4096)))
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
    lines = list(RULE.explain(of, asked(128)))
    (ruled,) = (line for line in lines if "a general rule" in line)
    least, most = RULE.within(of, asked(128))  # type: ignore[attr-defined]
    assert f"{least:,} to {most:,} (assumed" in ruled
    assert most == 25 * RULE.compute(of, asked(128))
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
    text = " ".join(RULE.explain(subject("bert-base"), asked(128, batch=3)))
    assert "one call for 3 x 128 tokens" in text
    assert "KV cache and state" not in text
    assert "one call for 3 x a picture of 197 tokens" in " ".join(RULE.explain(subject("vit-base"), asked(1, batch=3)))


def test_a_model_of_the_catalogue_is_drawn_between_points() -> None:
    spec = load("gemma-2-9b").known()
    points = points_of(spec, 3000)
    drawn = shape_of(spec)._replace(transformers=points)
    for context in (1, 3000, 8192):
        exact = RULE.compute(Subject(drawn, spec, quant("bf16")), asked(context))
        assert RULE.compute(Subject(drawn), asked(context)) == exact
        assert RULE.compute(Subject(drawn), asked(context, batch=3)) == 3 * exact
    assert points_of(load("minimax-text-01").known()) == ()
    assert len({size for _, size in points_of(load("vit-base").known())}) == 1


def test_lines_between_points_bend_upwards_only() -> None:
    points = ((1, 10), (11, 30), (21, 20))
    assert [between(points, at) for at in (1, 6, 11, 16, 21)] == [10, 20, 30, 30, 30]
    assert between(points, 31) == 30
    assert between(points[:2], 21) == 50


def test_the_catalogue_holds_the_points_of_what_is_traced() -> None:
    drawn = {model.ref.id: model.shapes[0].transformers for model in all_models(None) if model.compiled}
    assert sum(bool(points) for points in drawn.values()) > 250
    assert drawn["llama-2-7b"] == points_of(load("llama-2-7b").known())
    assert drawn["minimax-text-01"] == ()
    assert drawn["bert-base"] == points_of(load("bert-base").known())


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
        (warning,) = (warning for warning in estimate(name, ["fp16"]).warnings if warned in warning)
        assert f"which may be {most} times as much" in warning
    for name in ("llama-2-7b", "bert-base", "rwkv-4-169m", "t5-small", "mamba-130m", "7B"):
        assert not any(warned in warning for warning in estimate(name, ["fp16"]).warnings)
    assert not any(warned in warning for warning in estimate("snowflake-arctic", ["q8_0"]).warnings)
    assert any(warned in warning for warning in estimate("snowflake-arctic", ["fp16"]).warnings)


def test_an_encoder_has_a_layer_at_its_widest_or_the_logits_of_every_token() -> None:
    assert compute("bert-base", 512) == 512 * (2 * (3 * 768 + 2 * 3072) + 2 * 8)
    assert compute("eurobert-210m", 512) > 512 * 128_256 * 2

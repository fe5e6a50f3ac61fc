"""Recipes of one's own: quant maps, recipe files, and bits that are asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from llmscale.errors import InputFileError, LlmscaleError, NotFoundError, UnsupportedModelError, UsageError
from llmscale.formats.bpw import asked
from llmscale.formats.catalogue import format_of, quant
from llmscale.formats.mixed import mapped, overridden, parse_map, unmatched
from llmscale.formats.recipe import StoredTensor
from llmscale.formats.recipe_file import read_recipe
from llmscale.formats.select import named
from llmscale.formats.weights import assign_formats, weight_bytes
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from llmscale.sources.registry import load
from tests.helpers import tiny

SPEC = from_config(tiny(hidden_size=256, intermediate_size=512), "test")
PARTS = inventory(SPEC)


def forms(stored: tuple[StoredTensor, ...]) -> dict[str, str]:
    """Role to format of all matrices."""
    return {each.group.role: each.form.id for each in stored if len(each.group.shape) > 1}


def test_a_map_is_read_in_order_by_what_people_call_the_parts() -> None:
    rules = parse_map("attn=q8_0, exps=q4_k,*.embed=f16,lm_head=Q6_K,attn.v=bf16,*.down=nf4")
    assert list(rules.items()) == [
        ("attention", "q8_0"),
        ("experts", "q4_k"),
        ("embedding", "fp16"),
        ("head", "q6_k"),
        ("attention.v", "bf16"),
        ("*.down", "bnb_nf4"),
    ]


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("attn", UsageError, "'attn' in the quant map is not PART=FORMAT"),
        ("", UsageError, "is not PART=FORMAT"),
        ("attn=", UsageError, "is not PART=FORMAT"),
        ("attn=q8_0,attention=q4_0", UsageError, "names attention twice"),
        ("*=q4_0", UsageError, "stays as --quant has it"),
        ("atn=q8_0", NotFoundError, "no part of a model called 'atn'"),
        ("attn=q4_k_m", UsageError, "Q4_K_M is a mix of types"),
        ("attn=q44", NotFoundError, "no format called 'q44'"),
    ],
)
def test_a_slip_in_a_map_is_named(text: str, error: type[LlmscaleError], said: str) -> None:
    with pytest.raises(error, match=said.replace("*", r"\*")) as caught:
        parse_map(text)
    assert caught.value.hint


def test_a_map_stands_before_the_rules_of_its_base() -> None:
    one = mapped(quant("bf16"), parse_map("attn.q=int8,attn=q8_0,embed=fp32"))
    found = forms(assign_formats(one, SPEC, PARTS))
    assert found["attention.q"] == "int8"
    assert found["attention.k"] == found["attention.o"] == "q8_0"
    assert found["embedding.token"] == "fp32"
    assert found["mlp.up"] == found["head.out"] == "bf16"
    assert weight_bytes(one, SPEC, PARTS) == sum(each.bytes for each in assign_formats(one, SPEC, PARTS))
    again = mapped(one, parse_map("attn=int4"))
    assert forms(assign_formats(again, SPEC, PARTS))["attention.k"] == "int4", "the later map wins"


def test_a_map_over_a_preset_takes_the_place_of_its_choice() -> None:
    preset = assign_formats(quant("bf16"), SPEC, PARTS)
    found = overridden(preset, parse_map("ffn=q4_k,linear=q8_0"))
    assert {role: form for role, form in forms(found).items() if form != "q8_0"} == {
        "mlp.gate": "q4_k",
        "mlp.up": "q4_k",
        "mlp.down": "q4_k",
        "embedding.token": "bf16",
    }
    vectors = [each for each in found if len(each.group.shape) < 2]
    assert {each.form.id for each in vectors} == {"bf16"}
    with pytest.raises(UnsupportedModelError, match=r"Q4_K cannot hold .* 300 columns"):
        overridden([StoredTensor(preset[0].group._replace(shape=(4, 300)), format_of("bf16"))], {"embedding": "q4_k"})


def test_a_preset_takes_only_what_a_gguf_file_can_hold() -> None:
    preset = quant("q4_k_m")
    assert mapped(preset, parse_map("experts=mxfp4,attn=f16")).rules == {"experts": "mxfp4_ggml", "attention": "fp16"}
    with pytest.raises(UsageError, match="A GGUF file holds no tensor in bitsandbytes NF4"):
        mapped(preset, parse_map("attn=nf4"))
    spec = load("llama-3.2-1b").known()
    parts = inventory(spec)
    wider = mapped(preset, parse_map("attn=q8_0"))
    assert forms(assign_formats(wider, spec, parts))["attention.q"] == "q8_0"
    kept = [each.bytes for each in assign_formats(preset, spec, parts) if each.group.component == "mlp"]
    assert kept == [each.bytes for each in assign_formats(wider, spec, parts) if each.group.component == "mlp"]
    with pytest.raises(UsageError, match="A GGUF file holds no sparse tensors"):
        weight_bytes(replace(preset, sparsity="2:4"), spec, parts)


def test_rules_that_name_nothing_are_found() -> None:
    stored = assign_formats(quant("bf16"), SPEC, PARTS)
    assert unmatched(parse_map("attn=q8_0,experts=q4_k,*.sideways=q8_0,linear=q8_0"), stored) == [
        "experts",
        "*.sideways",
    ]


def test_bits_that_are_asked_for_are_met_on_average_and_said_to_be_no_more() -> None:
    spec = load("llama-3.1-8b").known()
    parts = inventory(spec)
    one = named("4.5bpw")
    assert one.plain
    assert one.estimated
    assert 8 * weight_bytes(one, spec, parts) / parts.total() == pytest.approx(4.5, rel=1e-4)
    assert asked("4.5") is None
    assert asked("q4_k_m") is None


def test_exllama_takes_any_bits_and_bits_of_the_head() -> None:
    spec = load("llama-3.1-8b").known()
    parts = inventory(spec)

    def size(name: str) -> int:
        return weight_bytes(named(name), spec, parts)

    assert size("exl2-4.25bpw-h6") == size("exl2-4.25bpw")
    assert size("exl3-4bpw-h6") == size("exl3-4.0bpw") == size("exl3")
    assert size("exl2-4.25bpw") < size("exl2-4.3bpw") < size("exl2-4.3bpw-h8")
    assert size("exl3-3.5bpw") == pytest.approx((size("exl3-3bpw") + size("exl3-4bpw")) / 2, rel=1e-6)
    assert named("exl3-3.5bpw").estimated
    assert not named("exl3-4bpw-h8").estimated, "whole bits follow from the shapes"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0.5bpw", "0.5 bits a weight lie outside 1 to 16"),
        ("16.1bpw", "16.1 bits a weight lie outside 1 to 16"),
        ("exl2-1bpw", "lie outside 2 to 8"),
        ("exl2-8.1bpw", "lie outside 2 to 8"),
        ("exl3-0.9bpw", "lie outside 1 to 8"),
        ("exl3-9bpw", "lie outside 1 to 8"),
        ("exl3-4bpw-h0", "EXL3 has no head of 0 bits"),
        ("exl2-4bpw-h7", "EXL2 has no head of 7 bits"),
        ("exl3-4bpw-h9", "EXL3 has no head of 9 bits"),
        ("4bpw-h6", "go with exl2 or exl3"),
    ],
)
def test_bits_that_no_tool_offers_are_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        named(text)


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        *(("1bpw", 1.0), ("16bpw", 16.0), ("exl2-2bpw", 2.0), ("exl2-8bpw-h8", 8.0), ("exl3-1bpw", 1.0)),
        *(("exl3-8bpw", 8.0), ("exl3-4bpw-h1", 4.0), ("exl3-4bpw-h8", 4.0), ("exl2-2.5bpw-h2", 2.5)),
    ],
)
def test_the_ends_of_what_a_tool_offers_are_offered(text: str, bits: float) -> None:
    assert named(text).bits == bits


def test_a_name_that_nothing_goes_by_is_still_not_found() -> None:
    with pytest.raises(NotFoundError, match="no quant called 'awqq'"):
        named("awqq")


def write(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_recipe_file_is_a_quant_like_any_other(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        'name: mine\nbase: w4a16\nrules: {attn: fp8, "*.down": bf16}\nruntime: vllm\nnarrow: bf16\nnote: tried it\n',
    )
    one = named(path)
    assert (one.id, one.name, one.runtime, one.source, one.note) == ("mine", "mine", "vllm", path, "tried it")
    found = forms(assign_formats(one, SPEC, PARTS))
    assert (found["attention.q"], found["mlp.down"], found["mlp.up"]) == ("fp8", "bf16", "ct_w4")
    assert found["head.out"] == "bf16"
    thin = read_recipe(write(tmp_path, 'name: thin\nrules: {"*": bf16}\nsparsity: "2:4"\n'))
    assert weight_bytes(thin, SPEC, PARTS) == weight_bytes(replace(quant("bf16"), sparsity="2:4"), SPEC, PARTS)
    assert thin.bits == 16


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name: x\nbase: awq\nrules: {attn: q8_0}\nbits: 4\n", 4, "bits: no such field"),
        ("base: awq\nrules: {attn: q8_0}\n", 1, "name: Field required"),
        ("name: x\nbase: awq\nrules: 4\n", 3, "rules: Input should be"),
        ("name: x\nbase: awqq\nrules: {attn: q8_0}\n", 2, "base: There is no quant called 'awqq'"),
        ("name: x\nbase: awq\nrules:\n  ffn: q8_0\n  atn: q8_0\n", 5, "rules.atn: There is no part of a model"),
        ("name: x\nbase: awq\nrules:\n  ffn: q99\n", 4, "rules.ffn: There is no format called 'q99'"),
        ("name: x\nrules: {attn: q8_0}\n", 2, "either base names a quant, or they say what"),
        ('name: x\nbase: awq\nrules: {"*": q8_0}\n', 3, "either base names a quant, or they say what"),
        ('name: x\nrules: {"*": bf16}\nsparsity: half\n', 3, "sparsity: 'half' is no sparsity"),
        ('name: x\nrules: {"*": bf16}\nruntime: abacus\n', 3, "runtime: There is no runtime called 'abacus'"),
        ('name: x\nrules: {"*": bf16}\nnarrow: q99\n', 3, "narrow: There is no format called"),
    ],
)
def test_a_damaged_recipe_file_says_where(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(InputFileError, match=said) as caught:
        named(write(tmp_path, text))
    assert f"mine.yaml, line {line}: " in caught.value.message


def test_a_file_that_is_no_recipe_is_an_error_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="cannot be read"):
        named(str(tmp_path / "none.yaml"))
    with pytest.raises(InputFileError, match="must map fields to values"):
        named(write(tmp_path, "- a\n"))
    with pytest.raises(InputFileError, match="line 2 cannot be read as YAML"):
        named(write(tmp_path, "a: [\n"))

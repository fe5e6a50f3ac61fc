"""Formats and recipes against what real libraries store (``tests/truth/layouts.json``), see tests/oracle/layouts.py."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

import pytest

from llmscale.formats.catalogue import format_of, quant, quants
from llmscale.formats.weights import assign_formats, weight_bytes
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from llmscale.store.tables import table
from tests.helpers import TRUTH
from tests.oracle.layouts.layers import LAYERS, SHAPES
from tests.oracle.layouts.models import MODELS

RECORD: dict[str, Any] = json.loads((TRUTH / "layouts.json").read_text(encoding="utf-8"))
STORED = [row for row in RECORD["layers"] if "bytes" in row]
MODEL_ROWS = [row for row in RECORD["models"] if "bytes" in row]
REFUSED = [row for row in RECORD["layers"] if "refused" in row]

#: Formats whose tool does not run on a CPU: from its source, and from published files where there are any.
READ_ONLY = {"ao_int4", "exl3_8", "exl3_6", "exl3_5", "exl3_4", "exl3_3", "exl3_2", "quip_2", "quip_3", "quip_4"}
#: Formats of a cache alone, which runs on CUDA: from source, see tests/test_runtime_exllama.py.
CACHES = {f"exl3_kv{bits}" for bits in range(2, 9)}
#: Not what a tool stores of a layer: a width without scales, and a share of bits.
MADE_UP = {"fp8", "average"}
#: The layers of these need nothing but the library itself.
PLAIN_IMPORTS = {"bitsandbytes": "bitsandbytes", "compressed-tensors": "compressed_tensors", "torchao": "torchao"}


@pytest.mark.parametrize("row", STORED, ids=lambda row: f"{row['format']}-{row['shape'][0]}")
def test_a_layer_takes_the_bytes_that_its_library_stores(row: dict[str, Any]) -> None:
    form, shape = format_of(row["format"]), tuple(row["shape"])
    assert form.holds(shape)
    assert form.size(shape) == sum(row["bytes"].values())


@pytest.mark.parametrize("row", MODEL_ROWS, ids=lambda row: f"{row['quant']}-{row['model']}")
def test_a_model_takes_the_bytes_that_its_library_stores(row: dict[str, Any]) -> None:
    """Which layers are quantised at all: heads, embeddings, routers, stacked experts, GPT-2's turned matrices."""
    spec = from_config(RECORD["configs"][row["model"]], row["model"])
    assert weight_bytes(quant(row["quant"]), spec, inventory(spec)) == row["bytes"]


def test_every_format_that_is_not_ggmls_was_measured_or_says_why_not() -> None:
    measured = {row["format"] for row in STORED}
    plain = {"fp32", "fp16", "bf16", "int8", "int4"}
    ours = {key for key, entry in table("formats")["entries"].items() if not entry["source"].startswith("ggml/")}
    assert ours - plain == measured | READ_ONLY | CACHES | MADE_UP
    assert all(row["library"].split()[-1][0].isdigit() for row in RECORD["layers"] + RECORD["models"])


def test_what_a_library_refused_is_refused_here() -> None:
    """Rows of 320 columns do not divide into groups of 128, which AutoAWQ and compressed-tensors insist on."""
    refused = {row["format"] for row in REFUSED if row["shape"] == [640, 320]}
    assert refused >= {"awq_g128", "ct_w4", "ct_w4_asym", "ct_w8"}
    assert not any(format_of(row["format"]).holds(tuple(row["shape"])) for row in REFUSED)


@pytest.mark.parametrize("form", [form for form, (library, _) in LAYERS.items() if library in PLAIN_IMPORTS])
def test_the_library_here_still_stores_the_same(form: str) -> None:
    library, build = LAYERS[form]
    if find_spec("torch") is None or find_spec(PLAIN_IMPORTS[library]) is None:
        pytest.skip(f"{library} is not installed")
    assert sum(build(*SHAPES[0]).values()) == format_of(form).size(SHAPES[0])


def test_the_record_is_of_these_models() -> None:
    assert RECORD["configs"] == MODELS


FAMILIES = {
    "gptq": ["gptq-int3-g128", "gptq-int4-gnone", "gptq-int4-g128", "gptq-int4-g32", "gptq-int8-g128"],
    "bitsandbytes": ["nf4-dq", "nf4", "bnb-int8"],
    "compressed-tensors": ["w4a16", "w8a8", "w8a16", "bf16"],
    "microscaling": ["mxfp4a16", "nvfp4", "mxfp6", "mxfp8", "bf16"],
    "mlx": ["mlx-2bit", "mlx-3bit", "mlx-4bit", "mlx-5bit", "mlx-6bit", "mlx-8bit", "bf16"],
    "exl3": ["exl3-2bpw", "exl3-3bpw", "exl3-4bpw", "exl3-5bpw", "exl3-6bpw", "exl3-8bpw"],
    "hqq": ["hqq-int1", "hqq-int2", "hqq-int3", "hqq-int4", "hqq-int8"],
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("model", ["llama", "qwen3-moe", "gpt2"])
def test_more_bits_never_take_fewer_bytes(family: str, model: str) -> None:
    spec = from_config(MODELS[model], model)
    parts = inventory(spec)
    sizes = [weight_bytes(quant(name), spec, parts) for name in FAMILIES[family]]
    assert sizes == sorted(sizes)
    bits = [quant(name).bits for name in FAMILIES[family]]
    assert bits == sorted(bits)


def test_a_recipe_for_experts_is_not_for_a_model_without() -> None:
    from llmscale.errors import UnsupportedModelError

    spec = from_config(MODELS["llama"], "llama")
    with pytest.raises(UnsupportedModelError, match=r"MXFP4 is for experts, and .* has none"):
        weight_bytes(quant("mxfp4"), spec, inventory(spec))


def test_exllama_writes_a_head_of_its_own_where_the_model_ties_it() -> None:
    tied, apart = (from_config(MODELS[name], name) for name in ("llama-tied", "llama"))
    same = weight_bytes(quant("exl3-4bpw"), tied, inventory(tied))
    assert same == weight_bytes(quant("exl3-4bpw"), apart, inventory(apart))
    assert weight_bytes(quant("bf16"), tied, inventory(tied)) < weight_bytes(quant("bf16"), apart, inventory(apart))


def test_a_matrix_stored_the_other_way_round_is_turned_first() -> None:
    """The scale of a row is one of an output: 4 bytes for each of GPT-2's 3 x 256 of c_attn, not for its 256 inputs."""
    spec = from_config(MODELS["gpt2"], "gpt2")
    attn = next(group for group in inventory(spec).groups if group.name.endswith("c_attn.weight"))
    assert (attn.shape, attn.turned.shape) == ((256, 768), (768, 256))
    assert attn.turned.turned == attn.turned
    assert format_of("bnb_int8").size(attn.turned.shape) == 256 * 768 + 4 * 768 + 1


def test_every_quant_says_what_it_leaves_to_its_tool() -> None:
    for one in quants():
        if one.kind == "rules" and not one.plain:
            assert one.source, one.id
            assert one.readers, one.id
            assert one.rules["*"] in {"bf16", "fp16"}, one.id


def test_stacked_experts_are_two_linear_layers_each_to_the_tools_that_quantise_them() -> None:
    """Gate and up of one stack: what is stored once a layer (here 16 bytes of a shape) is stored for both."""
    spec = from_config(MODELS["gpt-oss"], "gpt-oss")
    experts = [
        each for each in assign_formats(quant("w4a16"), spec, inventory(spec)) if each.group.component == "experts"
    ]
    matrices = {
        each.group.role: (each.group.copies, each.group.shape) for each in experts if len(each.group.shape) == 2
    }
    layers, each_layer = 2, 4
    assert matrices["experts.gate_up"] == (2 * layers * each_layer, (256, 256))
    assert matrices["experts.down"] == (layers * each_layer, (256, 256))
    stored = sum(each.bytes for each in experts if len(each.group.shape) == 2)
    assert stored == 3 * layers * each_layer * (256 * 256 // 2 + 256 * 2 * 2 + 16)

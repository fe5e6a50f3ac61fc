"""Weight formats in names, as publishers of models write them: each name and the quant that it means."""

from __future__ import annotations

import pytest

from llmscale.formats.spoken import formats_in, is_own_mix, quant_named


def meant(name: str, owner: str = "", gguf: bool = False) -> str:
    return quant_named(formats_in(name).found, owner, gguf)


@pytest.mark.parametrize(
    ("name", "quant"),
    [
        ("Llama-3-8B-Q4_K_M.gguf", "q4_k_m"),
        ("m-i1-IQ2_XXS", "iq2_xxs"),
        ("m-TQ1_0", "tq1_0"),
        ("Qwen2.5-7B-Instruct-GPTQ-Int4", "gptq-int4-g128"),
        ("Qwen2.5-7B-Instruct-GPTQ-Int8", "gptq-int8-g128"),
        ("m-GPTQ", "gptq-int4-g128"),
        ("m-gptq-4bit-32g", "gptq-int4-g32"),
        ("m-GPTQ-4bit-g64", "gptq-int4-g64"),
        ("m-gptq-3bit-128g", "gptq-int3-g128"),
        ("m-GPTQ-8b-32g", "gptq-int8-g32"),
        ("m-gptqmodel-4bit", "gptq-int4-g128"),
        ("m-8bit-GPTQ", "gptq-int8-g128"),
        ("m-GPTQ-of-it-8bit", "gptq-int8-g128"),
        ("m-GPTQ-5bit", "gptq"),
        ("m-AWQ", "awq"),
        ("m-AWQ-INT4", "awq"),
        ("m-awq-gemm-4bit", "awq"),
        ("m-bnb-4bit", "nf4"),
        ("m-bnb-8bit", "bnb-int8"),
        ("m-8bit-bnb", "bnb-int8"),
        ("m-bitsandbytes-of-it-8bit", "bnb-int8"),
        ("m-exl2", "exl2"),
        ("m-exl3-4bit", "exl3"),
        ("m-4.0bpw-exl2", "exl2-4.0bpw"),
        ("m-EXL3-4bpw", "exl3-4bpw"),
        ("m-w4a16-g32", "w4a16-g32"),
        ("m-quantized.w8a8", "w8a8"),
        ("m-FP8", "fp8"),
        ("m-FP8-KV", "fp8"),
        ("m-FP8-dynamic", "fp8-dynamic"),
        ("m-fp8_block", "fp8-block"),
        ("m-MXFP4", "mxfp4"),
        ("m-NVFP4", "nvfp4"),
        ("gemma-3-27b-it-qat", "q4_0"),
        ("m-nf4", "nf4"),
        ("m-BF16", "bf16"),
        ("m-fp32", "fp32"),
        ("m-mlx-8Bit", "mlx-8bit"),
        ("m-mlx-mxfp4", "mlx-mxfp4"),
        ("m-mlx", ""),
        ("m-7b", ""),
    ],
)
def test_a_name_means_the_quant_that_it_says(name: str, quant: str) -> None:
    assert meant(name) == quant


@pytest.mark.parametrize(("method", "bits"), [("exl2", "5.0bpw"), ("exl3", "3.0bpw"), ("EXL2", "6.0bpw")])
def test_bits_with_a_point_behind_the_method_are_its_bits(method: str, bits: str) -> None:
    assert meant(f"m-{method}-{bits}") == meant(f"m-{bits}-{method}") == f"{method.lower()}-{bits}"


@pytest.mark.parametrize(
    ("name", "owner", "quant"),
    [
        ("m-FP8", "qwen", "fp8-block"),
        ("m-FP8", "deepseek-ai", "fp8-block"),
        ("m-FP8", "nvidia", "fp8"),
        ("m-FP8-dynamic", "qwen", "fp8-dynamic"),
        ("m-FP4", "nvidia", "nvfp4"),
        ("m-4bit", "mlx-community", "mlx-4bit"),
        ("m-7bit", "mlx-community", ""),
        ("m-bf16", "mlx-community", "bf16"),
        ("m-mxfp8", "mlx-community", "mlx-mxfp8"),
    ],
)
def test_a_publisher_means_its_own(name: str, owner: str, quant: str) -> None:
    assert meant(name, owner) == quant


@pytest.mark.parametrize(
    ("name", "quant"),
    [("m-bf16", "gguf-bf16"), ("m-fp16", "f16"), ("m-f16", "f16"), ("m-fp32", "f32"), ("m-mxfp4", "mxfp4_moe")],
)
def test_in_a_gguf_file_plain_words_are_llama_cpps(name: str, quant: str) -> None:
    assert meant(name, gguf=True) == meant(f"{name}.gguf") == quant
    assert meant(name) != quant or quant == "f16"


def test_a_publishers_own_mix_is_told_by_its_files_alone() -> None:
    assert meant("m-UD-Q4_K_XL", "unsloth", gguf=True) == ""
    assert is_own_mix("ud-q4_k_xl")
    assert not is_own_mix("q4_k_m")


def test_what_is_no_format_is_left_of_the_name() -> None:
    rest, found = formats_in("Llama-3.1-8B-Instruct-AWQ-INT4")
    assert rest.strip(" -") == "Llama-3.1-8B-Instruct"
    assert found == ("awq-int4",)

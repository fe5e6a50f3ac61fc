"""Which class a device and a format belong to, whose rows are fitted together."""

from __future__ import annotations

import pytest

from llmscale.speed.classes import compute_class, device_class, format_class, matrix_tflops
from tests.speed.works import device


def test_classes_of_devices() -> None:
    names = ("rtx4090", "rtx-a6000", "a100-80gb", "h200", "l40s", "gtx1080", "dgx-spark", "m4-max", "rx7900xtx", "t4")
    assert [device_class(device(name)) for name in names] == [
        "nvidia-gddr",
        "nvidia-gddr",
        "nvidia-hbm",
        "nvidia-hbm",
        "nvidia-gddr",
        "nvidia-gddr",
        "nvidia-unified",
        "apple",
        "amd",
        "nvidia-gddr",
    ]
    assert [compute_class(device(name)) for name in names[:6]] == [
        "nvidia-gddr",
        "nvidia-pro",
        "nvidia-hbm",
        "nvidia-hbm",
        "nvidia-pro",
        "nvidia-pascal",
    ]


def test_a_card_without_fast_fp16_multiplies_in_fp32() -> None:
    assert matrix_tflops(device("gtx1080")) == device("gtx1080").fp32_tflops
    assert matrix_tflops(device("rtx4090")) == device("rtx4090").fp16_tflops


@pytest.mark.parametrize(
    ("format_id", "expected"),
    [
        ("fp16", "float"),
        ("bf16", "float"),
        ("q4_k_m", "k"),
        ("q5_0", "k"),
        ("q8_0", "q8"),
        ("iq3_xxs", "iq"),
        ("mxfp4_moe", "mxfp4"),
        ("gptq-int8", "int8"),
        ("gptq-int4", "gptq"),
        ("awq", "awq"),
        ("fp8", "fp8"),
        ("nvfp4", "nvfp4"),
        ("exl2-4.0bpw", "exl"),
        ("4bit", "mlx"),
    ],
)
def test_classes_of_formats(format_id: str, expected: str) -> None:
    assert format_class(format_id) == expected

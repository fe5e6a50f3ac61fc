"""ggml's tensor types by number: values of a block and its bytes.

Source: the enum `ggml_type` of ggml/include/ggml.h and the blocks of ggml/src/ggml-common.h, llama.cpp 0c1e57098.
"""

from __future__ import annotations

from functools import cache

from llmscale.formats.catalogue import format_of
from llmscale.formats.layout import Format, Plane
from llmscale.records import NamedTuple


class GgmlType(NamedTuple):
    """A type.

    Attributes:
        form: id of the number format; empty for those that no weight is quantised to.
    """

    name: str
    block: int
    bytes: int
    form: str = ""


TYPES = {
    0: GgmlType("F32", 1, 4, "fp32"),
    1: GgmlType("F16", 1, 2, "fp16"),
    2: GgmlType("Q4_0", 32, 18, "q4_0"),
    3: GgmlType("Q4_1", 32, 20, "q4_1"),
    6: GgmlType("Q5_0", 32, 22, "q5_0"),
    7: GgmlType("Q5_1", 32, 24, "q5_1"),
    8: GgmlType("Q8_0", 32, 34, "q8_0"),
    9: GgmlType("Q8_1", 32, 36),
    10: GgmlType("Q2_K", 256, 84, "q2_k"),
    11: GgmlType("Q3_K", 256, 110, "q3_k"),
    12: GgmlType("Q4_K", 256, 144, "q4_k"),
    13: GgmlType("Q5_K", 256, 176, "q5_k"),
    14: GgmlType("Q6_K", 256, 210, "q6_k"),
    15: GgmlType("Q8_K", 256, 292),
    16: GgmlType("IQ2_XXS", 256, 66, "iq2_xxs"),
    17: GgmlType("IQ2_XS", 256, 74, "iq2_xs"),
    18: GgmlType("IQ3_XXS", 256, 98, "iq3_xxs"),
    19: GgmlType("IQ1_S", 256, 50, "iq1_s"),
    20: GgmlType("IQ4_NL", 32, 18, "iq4_nl"),
    21: GgmlType("IQ3_S", 256, 110, "iq3_s"),
    22: GgmlType("IQ2_S", 256, 82, "iq2_s"),
    23: GgmlType("IQ4_XS", 256, 136, "iq4_xs"),
    24: GgmlType("I8", 1, 1),
    25: GgmlType("I16", 1, 2),
    26: GgmlType("I32", 1, 4),
    27: GgmlType("I64", 1, 8),
    28: GgmlType("F64", 1, 8),
    29: GgmlType("IQ1_M", 256, 56, "iq1_m"),
    30: GgmlType("BF16", 1, 2, "bf16"),
    34: GgmlType("TQ1_0", 256, 54, "tq1_0"),
    35: GgmlType("TQ2_0", 256, 66, "tq2_0"),
    39: GgmlType("MXFP4", 32, 17, "mxfp4_ggml"),
    40: GgmlType("NVFP4", 64, 36, "nvfp4_ggml"),
    41: GgmlType("Q1_0", 128, 18, "q1_0"),
    42: GgmlType("Q2_0", 64, 18, "q2_0"),
}


@cache
def format_of_type(kind: GgmlType) -> Format:
    """Its number format; one of its own where the catalogue has none."""
    if kind.form:
        return format_of(kind.form)
    planes = [Plane(kind.bytes, kind.block)]
    return Format(kind.name.lower(), kind.name, 8 * kind.bytes / kind.block, planes, "ggml.h", kind.block)

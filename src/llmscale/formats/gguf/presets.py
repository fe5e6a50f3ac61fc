"""What each preset of `llama-quantize` starts from, as of llama.cpp 0c1e57098; `rules` says what it makes of a tensor.

Source: src/llama-quant.cpp (`llama_ftype_get_default_type`, `tensor_type_fallback`), without an importance matrix.
"""

from __future__ import annotations

#: Preset to the type that a tensor gets unless a rule below says otherwise.
DEFAULT = {
    "F32": "fp32",
    "F16": "fp16",
    "BF16": "bf16",
    "Q8_0": "q8_0",
    "Q6_K": "q6_k",
    "Q5_K_M": "q5_k",
    "Q5_K_S": "q5_k",
    "Q5_1": "q5_1",
    "Q5_0": "q5_0",
    "Q4_K_M": "q4_k",
    "Q4_K_S": "q4_k",
    "Q4_1": "q4_1",
    "Q4_0": "q4_0",
    "IQ4_NL": "iq4_nl",
    "IQ4_XS": "iq4_xs",
    "MXFP4_MOE": "mxfp4_ggml",
    "Q3_K_L": "q3_k",
    "Q3_K_M": "q3_k",
    "Q3_K_S": "q3_k",
    "IQ3_M": "iq3_s",
    "IQ3_S": "iq3_s",
    "IQ3_XS": "iq3_s",
    "IQ3_XXS": "iq3_xxs",
    "Q2_K": "q2_k",
    "Q2_K_S": "q2_k",
    "Q2_0": "q2_0",
    "IQ2_M": "iq2_s",
    "IQ2_S": "iq2_xs",
    "IQ2_XS": "iq2_xs",
    "IQ2_XXS": "iq2_xxs",
    "IQ1_M": "iq1_m",
    "IQ1_S": "iq1_s",
    "TQ2_0": "tq2_0",
    "TQ1_0": "tq1_0",
    "Q1_0": "q1_0",
}
#: What the converter itself writes with --outtype f16: no tensor is touched again.
CONVERTED = "F16_CONVERT"
#: Types that are not quantised: a preset with one of them as its default has no further rules.
PLAIN = ("fp32", "fp16", "bf16")
#: Type to the one that takes its place where rows are not a multiple of its block.
NARROW = {
    **dict.fromkeys(("iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq4_xs"), "iq4_nl"),
    **dict.fromkeys(("q2_0", "q2_k", "q3_k", "tq1_0", "tq2_0"), "q4_0"),
    "q4_k": "q5_0",
    "q5_k": "q5_1",
    "q6_k": "q8_0",
}
#: Presets of one and two bits, which have rules of their own.
LOW = ("IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ1_S", "IQ1_M")
#: Token embedding that is not the head as well.
EMBEDDING = {
    **dict.fromkeys(("IQ2_XXS", "IQ2_XS", "IQ1_S", "IQ1_M"), "q2_k"),
    **dict.fromkeys(("IQ2_S", "IQ2_M", "IQ3_XXS"), "iq3_s"),
    **dict.fromkeys(("TQ1_0", "TQ2_0", "Q2_0"), "q4_k"),
}

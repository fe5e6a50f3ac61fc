"""Weight formats in the names of models and files: ``-Q4_K_M.gguf``, ``-AWQ``, ``-bnb-4bit``, ``-quantized.w4a16``.

How publishers write them: llama.cpp and Ollama name presets of llama-quantize, bitsandbytes and MLX bits, Hugging Face
repositories the method, with bits and group size behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmscale.formats.recipe import OWN_MIX
from llmscale.names import normal
from llmscale.records import NamedTuple
from llmscale.store.tables import table

_BITS = r"(?:[2-8]|16)[-_ ]?bits?"
#: What names a format, at the ends of words; the longest first.
_FORMATS = (
    r"(?:ud[-_])?(?:i?q[1-8]|tq[12])(?:_(?:k(?:_(?:xxl|xl|l|m|s))?|0|1|nl|xxs|xs|s|m|l))*",
    r"(?:quantized\.)?w[48]a(?:8|16)(?:[-_](?:fp8|int8|asym|g\d+))?",
    r"gptq(?:model)?(?:[-_](?:int\d|\d[-_]?b(?:it)?))?(?:[-_](?:g|gs)?\d+g?)?(?![a-z])",
    r"awq(?:[-_](?:int\d|\d[-_]?bit|gemm|g\d+))*",
    r"(?:bnb|bitsandbytes|mlx|exl[23]|hqq|gptq)(?:[-_ ](?:int|nf)?\d[-_]?(?:bits?)?)?(?![a-z0-9])",
    r"fp8(?:[-_](?:dynamic|block|static|e4m3|kv))?",
    r"mxfp4(?:[-_]moe)?",
    r"nvfp4|mxfp8|mxfp6|fp4|nf4|int[2348]",
    r"\d(?:\.\d+)?bpw",
    _BITS,
    r"bf16|fp16|f16|fp32|f32",
    r"ggufs?|mlx|qat|imatrix|imat|i1|autoround|dwq|quantized|unquantized|quantised|quant",
)
_FORMAT = re.compile(rf"(?<![^\W_])(?:{'|'.join(_FORMATS)})(?![^\W_])", re.IGNORECASE)


class Formats(NamedTuple):
    """The formats in a name.

    Attributes:
        rest: the name without them.
        found: they, in order, in small letters.
    """

    rest: str
    found: tuple[str, ...]


def formats_in(name: str) -> Formats:
    """Take a name apart into its formats and the rest."""
    found = tuple(match.group().lower() for match in _FORMAT.finditer(name))
    return Formats(_FORMAT.sub(" ", name), found)


def is_own_mix(word: str) -> bool:
    """Whether a format is a publisher's own mix, which nothing but its files tells: Unsloth's dynamic quants."""
    return word.startswith(OWN_MIX)


def quant_named(found: Sequence[str], owner: str = "", gguf: bool = False) -> str:
    """The quant that these formats name; empty when they name none.

    Args:
        owner: whose repository it is, in small letters.
        gguf: whether it is a GGUF file, where fp16 is llama.cpp's.
    """
    gguf = gguf or any(word.startswith("gguf") for word in found)
    if owner == "mlx-community" or any(re.match(r"mlx\b", word) for word in found):
        return _mlx(found)
    for word in found:
        if name := _one(word, found, owner, gguf):
            return name
    return ""


def _mlx(found: Sequence[str]) -> str:
    for word in found:
        if bits := re.search(r"(\d)[-_ ]?bits?$", word):
            return _known(f"mlx-{bits[1]}bit")
        if word in ("mxfp4", "nvfp4", "mxfp8"):
            return _known(f"mlx-{word}")
        if word in ("bf16", "fp16"):
            return word
    return ""


def _one(word: str, found: Sequence[str], owner: str, gguf: bool) -> str:
    """What one format names, among the others of the name."""
    if is_own_mix(word):
        return ""
    if re.match(r"i?q\d|tq\d", word):
        return word
    if word.startswith("gptq"):
        return _gptq(word, found)
    if word.startswith("awq"):
        return _known(re.sub(r"[-_](?:gemm|int4|4[-_]?bit)", "", word))
    if word.startswith(("bnb", "bitsandbytes")):
        return "bnb-int8" if "8" in "".join((word, *found)) else "nf4"
    if word.startswith(("exl2", "exl3")):
        bits = next((other for other in found if other.endswith("bpw")), "")
        return _known(f"{word[:4]}-{bits}") if bits else word[:4]
    if word.startswith("fp8"):
        # They publish FP8 in blocks of 128 x 128 (quantization_config of their config.json).
        blocks = owner in ("qwen", "zai-org", "deepseek-ai", "minimaxai", "xiaomimimo", "moonshotai")
        return "fp8-block" if word == "fp8" and blocks else _known(word.replace("_", "-")) or "fp8"
    if word in ("bf16", "fp16", "f16", "fp32", "f32"):
        return {"bf16": "gguf-bf16", "fp16": "f16", "fp32": "f32"}.get(word, word) if gguf else word
    if gguf and word.startswith("mxfp4"):
        return "mxfp4_moe"
    if word == "qat":
        return "q4_0"  # what Google trains for: huggingface.co/google/gemma-3-27b-it-qat-q4_0-gguf
    if word == "fp4" and owner == "nvidia":
        return "nvfp4"  # hf_quant_config.json of huggingface.co/nvidia/DeepSeek-R1-FP4: quant_algo NVFP4
    return _known(word.removeprefix("quantized."))


def _gptq(word: str, found: Sequence[str]) -> str:
    """GPTQ with the bits and the group that the name says anywhere; 4 bits in groups of 128 where it says none."""
    told = "-".join((word, *(other for other in found if other != word)))
    bits = re.search(r"int(\d)|(\d)[-_]?b(?:it|(?=[-_]|$))", told)
    group = re.search(r"[-_]g(?:s)?(\d+)|[-_](\d+)g", told)
    size = next(filter(None, group.groups())) if group else "128"
    return _known(f"gptq-int{next(filter(None, bits.groups())) if bits else 4}-g{size}") or "gptq"


def _known(name: str) -> str:
    """`name` where a quant goes by it."""
    return name if normal(name) in table("quants")["names"] else ""

"""Start-up logs of vLLM and SGLang, asked as a user asks: by the options that there are, with nothing added.

A row is asked with its model, quant, card, layout, context and release where these are told, and with whatever else of
it is an option. What is none counts as error: that a log is of ``LLM()`` in Python, of a cache of prefixes, of a card
of which CUDA reports less than of its like. Rows of which no card is named ask for nothing but weights, on a card that
has room. The mechanism's own rows, with the memory and the settings that their logs name, are in `vllm` and `sglang`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from tests.runtimes.sglang.rows import ROWS as SGLANG
from tests.runtimes.vllm.more import MORE as VLLM_MORE
from tests.runtimes.vllm.rows import MODELS, UNKNOWN_MIXTURE
from tests.runtimes.vllm.rows import ROWS as VLLM

from benchmarks.accuracy.rows import Comparison, Row
from benchmarks.accuracy.vllm import MIXTURE
from llmscale import estimate
from llmscale.devices.device import known
from llmscale.errors import LlmscaleError
from llmscale.units import GIB

WEIGHTS = "vLLM weights per rank, as asked"
TOKENS = "vLLM KV tokens, as asked"
ACTIVATIONS = "vLLM activation peak, as asked"
OUTSIDE = "vLLM memory outside PyTorch, as asked"
SGLANG_WEIGHTS = "SGLang weights per rank, as asked"
SGLANG_TOKENS = "SGLang KV tokens, as asked"
SOURCE = (
    "Start-up logs as published, `tests/truth/vllm.json` and `tests/truth/vllm_more.json`, asked through the public "
    "API by model, quant, card, layout of ranks, context, release and every option that the row tells."
)
SGLANG_SOURCE = "Start-up logs of SGLang as published, `tests/truth/sglang.json`, asked in the same way."
BEFORE = "vLLM before V1, activation peak, as asked"
BEFORE_SOURCE = (
    f"{SOURCE} Releases 0.6 and 0.7, of which no figure has a bound: a prompt in one step is modelled, and no more."
)
#: Minor releases from which the engine is the one that is modelled, and from which CUDA graphs are counted in compute.
V1, GRAPHS_COUNTED, UNTOLD = 8, 20, 1000
#: What a row's card is called by its users; the first that its words hold counts.
CARDS = {
    "H100 NVL": "h100-nvl",
    "H100": "h100",
    "H200": "h200",
    "H20": "h20",
    "GH200": "gh200-96gb",
    "A100-40GB": "a100-40gb",
    "A100": "a100-80gb",
    "A10": "a10",
    "A40": "a40",
    "L40S": "l40s",
    "L4": "l4",
    "T4": "t4",
    "V100-32GB": "v100-32gb",
    "V100-16GB": "v100-16gb",
    "RTX 2060 12GB": "rtx2060-12gb",
    "RTX 3090": "rtx3090",
    "RTX 4090": "rtx4090",
    "RTX 5090": "rtx5090",
    "RTX 5080": "rtx5080",
    "RTX 5070 Ti": "rtx5070ti",
    "RTX PRO 6000": "rtx-pro-6000",
    "GB10": "dgx-spark",
    "Jetson Thor": "jetson-agx-thor",
    "MI325X": "mi325x",
}
#: What has room for any of the models, where no card is named.
ROOMY = "b300"
#: Words of a row's quantisation, and what its users call it.
QUANTS = {"fp8": "fp8-dynamic", "w8a8": "w8a8-int8", "awq": "awq", "mxfp4": "mxfp4"}
#: Fields of a row that are options of the same name.
OPTIONS = ("tp", "pp", "dp", "ep", "gpu_memory_utilization", "max_num_seqs", "max_num_batched_tokens", "enforce_eager")


class Told(NamedTuple):
    """What an estimate says of a start."""

    parts: dict[str, int]
    tokens: int | None


class Asked(NamedTuple):
    """A row as somebody types it."""

    row: dict[str, Any]
    model: str
    quant: str
    runtime: str
    options: tuple[tuple[str, Any], ...]
    unusual: str = ""

    @property
    def card(self) -> str | None:
        said = str(self.row.get("gpu"))
        several = " + " in said
        return None if several else next((card for words, card in CARDS.items() if words in said), None)

    @property
    def plain(self) -> str:
        """The format of a cache that is in the model's own."""
        return "fp32" if self.quant == "fp32" else "fp16"

    @property
    def name(self) -> str:
        told = [self.model, self.quant, self.runtime, self.row.get("gpu") or "?", f"tp {self.row.get('tp') or 1}"]
        return " ".join((*told, f"{self.row.get('max_model_len') or self.row.get('context_len')} tokens"))

    def told(self, card: str) -> Told | None:
        """The answer on as many of `card` as there are ranks; None where it is refused."""
        ranks = (self.row.get("tp") or 1) * (self.row.get("pp") or 1) * (self.row.get("dp") or 1)
        context = self.row.get("max_model_len") or self.row.get("context_len") or 4096
        kv = "fp8" if "fp8" in (self.row.get("kv_cache_dtype"), self.row.get("kv_dtype")) else self.plain
        return _answer(self.model, self.quant, self.runtime, context, f"{ranks}x {card}", kv, self.options)


@cache
def _answer(
    model: str, quant: str, runtime: str, context: int, gpus: str, kv: str, options: tuple[tuple[str, Any], ...]
) -> Told | None:
    try:
        answer = estimate(
            model, [quant], context=context, runtime=runtime, gpus=[gpus], kv_dtype=kv, options=dict(options)
        )
    except LlmscaleError:
        return None
    (device,) = answer.estimates[0].devices
    return Told(dict(device.per_device[0].parts), device.kv_cache_tokens)


def comparisons() -> Iterator[Comparison]:
    """What both print before they serve."""
    every = [*_vllm(), *_more()]
    vllm = [one for one in every if _minor(one.runtime) >= V1]
    before = [one for one in every if _minor(one.runtime) < V1]
    yield Comparison(WEIGHTS, SOURCE, list(_parts(vllm, "weights", "weights_gib")), ("vllm", "weights"))
    yield Comparison(TOKENS, SOURCE, list(_tokens(vllm, "kv_cache_tokens")), ("vllm", "kv_cache_tokens"))
    peaks = [one for one in vllm if _minor(one.runtime) < GRAPHS_COUNTED]
    yield Comparison(
        ACTIVATIONS, SOURCE, list(_parts(peaks, "compute", "activation_peak_gib")), ("vllm", "activations")
    )
    yield Comparison(OUTSIDE, SOURCE, list(_parts(vllm, "overhead", "non_torch_gib")), ("vllm", "overhead"))
    yield Comparison(BEFORE, BEFORE_SOURCE, list(_parts(before, "compute", "activation_peak_gib")))
    sglang = list(_sglang())
    yield Comparison(
        SGLANG_WEIGHTS, SGLANG_SOURCE, list(_parts(sglang, "weights", "loaded_gib")), ("sglang", "weights")
    )
    yield Comparison(SGLANG_TOKENS, SGLANG_SOURCE, list(_tokens(sglang, "kv_tokens")), ("sglang", "kv_cache_tokens"))


def _parts(asked: list[Asked], part: str, key: str) -> Iterator[Row]:
    """A part of a rank; of weights also where no card is named."""
    for one in asked:
        card = one.card or (ROOMY if part == "weights" else None)
        if not one.row.get(key) or card is None or (told := one.told(card)) is None:
            continue
        unusual = one.unusual or (_untold(one) if part == "compute" else "")
        yield Row(one.name, told.parts.get(part, 0) / GIB, one.row[key], unusual, 0.005, source=one.row["source"])


def _tokens(asked: list[Asked], key: str) -> Iterator[Row]:
    for one in asked:
        settled = one.row.get("gpu_memory_utilization") or one.row.get("fraction")
        if not one.row.get(key) or one.card is None or not settled or (told := one.told(one.card)) is None:
            continue
        unusual = one.unusual or one.row.get("kv_unusual", "") or _untold(one)
        yield Row(one.name, told.tokens or 0, one.row[key], unusual, source=one.row["source"])


def _shared(card: str | None) -> bool:
    """Whether a device's memory is the system's as well."""
    device = known(card) if card else None
    return device is not None and device.kind == "unified"


def _untold(one: Asked) -> str:
    """What of a row changes the count of tokens and is not told."""
    if one.runtime.startswith("vllm") and _shared(one.card):
        return "its memory is the system's as well, and both ends are printed instead of a bound"
    if one.runtime == "vllm":
        return "its release is not told, and releases count tokens in two ways"
    return "" if one.runtime == "sglang" or one.row.get("max_model_len") else "its context is not told"


def _minor(runtime: str) -> int:
    """The second number of a release of vLLM; of no release one that is newer than all that changed."""
    _, _, version = runtime.partition("@0.")
    return int(version.partition(".")[0]) if version else UNTOLD


def _options(row: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, row[name]) for name in OPTIONS if row.get(name) and row[name] is not False)


def _vllm() -> Iterator[Asked]:
    for row in VLLM:
        if row["model"] not in MODELS or row.get("device"):
            continue
        said = f"{row.get('quantization')} {row['model']}".lower()
        quant = next((name for word, name in QUANTS.items() if word in said), None)
        plain = "fp32" if row.get("dtype") == "float32" else "mxfp4" if "gpt-oss" in said else "bf16"
        if quant is None and row.get("quantization") and plain != "mxfp4":
            continue
        unusual = MIXTURE if row["model"] == UNKNOWN_MIXTURE else ""
        yield Asked(row, MODELS[row["model"]], quant or plain, _runtime(row), _options(row), unusual)


def _more() -> Iterator[Asked]:
    for row in VLLM_MORE:
        if "(" not in row["catalogue"]:
            unusual = row.get("weights_unusual", "")
            yield Asked(row, row["catalogue"], row["quant"], _runtime(row), _options(row), unusual)


def _runtime(row: dict[str, Any]) -> str:
    """vLLM of the release that a row names; of the newest where it names none that is one."""
    said = str(row.get("vllm_version") or "").split("-")[0].split(" ")[0].replace(".x", "").partition("/")[0]
    numbers = said.split(".")
    known = len(numbers) > 1 and all(part.isdigit() for part in numbers) and int(numbers[1]) >= 6
    return f"vllm@{said}" if known else "vllm"


def _sglang() -> Iterator[Asked]:
    for row in SGLANG:
        if row["quant"]:
            given = [("tp", row["tp"])] + ([("mem_fraction_static", row["fraction"])] if row.get("fraction") else [])
            yield Asked(row, row["catalogue"], row["quant"], "sglang", tuple(given))

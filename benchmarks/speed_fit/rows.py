"""Published speeds (`tests/truth/speed.json`) as rows that a fit can use, and a count of those that it cannot.

What a tok/s means differs by source, and each is read here as its source defines it:

- GPU-Benchmarks-on-LLM-Inference: llama-bench's tgN, N tokens generated from empty, so N/2 lie before a token on
  average; several GPUs share the layers; May 2024, when flash attention was off unless asked for (recalled).
- Qwen's pages: 2,048 tokens generated after a prompt, divided by the whole time, prefill included; several GPUs are
  tensor parallel in vLLM and SGLang, layer after layer in transformers. The vLLM of Qwen2's page ran without CUDA
  graphs beyond 8,192 tokens (recalled: its max_seq_len_to_capture; the rows halve there).
- llama.cpp's scoreboards (`speed_boards.json`, `speed_apple.json`): llama-bench's tg128, from empty, and pp512.
- llmfit (community): decode at the depth of its prompt. ai-benchmarks, ExLlama's pages: decode after a short prompt.

Bytes per weight are llama.cpp's preset medians and the nominal widths of the other formats until exact sizes are a
function of the library; the head has a width of its own.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from llmscale.catalogue.entries import entry as model_entry
from llmscale.devices.device import Device
from llmscale.devices.device import entry as device_entry
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from llmscale.model.shape import Shape, shape_of
from llmscale.speed.classes import compute_class, device_class, format_class, matrix_tflops
from llmscale.speed.load import (
    Load,
    PromptFlops,
    attended_by_prompt,
    attended_tokens,
    attention_width,
    cache_bytes,
    decode_flops,
    matrices,
    multiplied,
    prompt_flops,
    read,
    state_bytes,
)

TRUTH = Path(__file__).resolve().parent.parent.parent / "tests" / "truth" / "speed.json"
#: llama.cpp's own scoreboards: one model on many cards, and on Apple's chips.
BOARDS, APPLE = TRUTH.with_name("speed_boards.json"), TRUTH.with_name("speed_apple.json")
#: vLLM's steps on datacentre cards.
STEPS = TRUTH.with_name("speed_vllm.json")
#: Short chats with MLX and llama.cpp side by side.
STUDIO = TRUTH.with_name("speed_studio.json")
#: What MLX keeps besides the bits of a weight: per group of 64, two 16-bit numbers.
MLX_MORE = 0.5
#: So few sequences take as long a step as one.
FEW = 2
#: What llama-bench does there: a prompt of so many tokens, so many generated from empty.
BENCH_PROMPT, BENCH_TOKENS = 512, 128
#: Tokens before one of a short chat, where the source does not say.
SHORT = 200
#: Tokens that a runtime reads at once.
CHUNK = {"llama.cpp": 512}
#: Of the others, vLLM's older default for a prompt on its own: all of it.
WHOLE = 1 << 20
#: A prompt of more tokens takes a share of the whole time that shows.
LONG = 2048
#: CUDA graphs of the vLLM of 2024 ended here.
GRAPH_TOKENS = 8192
#: Buffers and context besides weights and cache; a row that leaves less was partly on the CPU.
SPARE_BYTES = 1e9
#: Bits of a weight and of the head's weight; llama.cpp's presets are in the truth file.
WIDTHS = {
    "float": (16.0, 16.0),
    "gptq": (4.16, 16.0),  # 4 bits and, per group of 128, a 16-bit scale and a 4-bit zero
    "awq": (4.16, 16.0),
    "int8": (8.16, 16.0),
    "fp8": (8.0, 16.0),
    "nvfp4": (4.5, 16.0),  # 4 bits and, per group of 16, an 8-bit scale
    "mlx": (4.5, 4.5),  # 4 bits and, per group of 64, two 16-bit numbers
}
#: Experts of gpt-oss are MXFP4 in every file: 4 bits and, per group of 32, an 8-bit scale.
MXFP4 = 4.25
CACHE_ELEMENT = (("q8", 1.0625), ("q4", 0.5625), ("fp8", 1.0))


class Row(NamedTuple):
    """One measurement that can be compared with the law."""

    model: str
    device: str
    device_class: str
    compute_class: str
    count: int
    runtime: str
    format: str
    quant: str
    tokens: float
    load: Load
    bandwidth: float
    flops: float | None
    shaders: float | None
    tensor_parallel: bool
    decode: float
    prompt_flops: PromptFlops
    prompt_share: float
    prompt: float
    chunk: int
    prefill: float | None
    fits: bool
    flash: bool
    community: bool
    source: str


class Parts(NamedTuple):
    """Parameters of a model by what becomes of them."""

    body: int
    experts_all: int
    experts: int
    experts_used: int
    head: int
    table: int
    matrices: int
    multiplied: int
    multiplied_experts: int
    width: int
    shape: Shape


@cache
def parts(model: str) -> Parts:
    """The sums over the inventory of a catalogue model."""
    spec = from_config(model_entry(model).config, model)
    bill = inventory(spec)
    body = experts = head = 0
    number = used = 1
    for group in bill.groups:
        if not read(group):
            continue
        if group.component == "experts":
            experts += group.parameters
            number, used = group.experts, group.experts_used
        elif group.component == "head":
            head += group.parameters
        else:
            body += group.parameters
    table = bill.input_embedding()
    width = attention_width(bill)
    return Parts(body, experts, number, used, head, table, matrices(bill), *multiplied(bill), width, shape_of(spec))


def _runtime(engine: str) -> str:
    if engine.startswith(("llama", "ollama", "lmstudio")):
        return "llama.cpp"
    return "exllama" if engine.startswith("exllama") else engine.split()[0]


def _quant(row: dict[str, Any]) -> str:
    """What the source calls the format; ollama's tags have a default where they name none."""
    named = str(row.get("quant") or "")
    if named or row["engine"] != "ollama":
        return named
    return "Q8_0" if str(row["model"]) == "llama3.2:1b" else "Q4_K_M"


def _spelled(quant: str, runtime: str) -> str:
    """A format id that `format_class` knows; empty when it does not say how many bits are read."""
    text = quant.lower().replace(" ", "-")
    if runtime == "mlx":
        return "mlx" if text in ("4bit", "mlx-4bit", "int4") else "mxfp4" if text == "mxfp4" else ""
    if runtime == "llama.cpp":
        return text
    if text.startswith("gptq"):
        return "int8" if "int8" in text else "gptq"
    return "awq" if text.startswith("awq") else text


def _widths(quant: str, kind: str, runtime: str, bits: dict[str, tuple[float, float]]) -> tuple[float, float] | None:
    if kind == "exl":
        found = re.search(r"([\d.]+)bpw", quant)
        return (float(found[1]), 6.0) if found else None
    if runtime == "llama.cpp" and kind != "float":
        return bits.get(quant.upper())
    return WIDTHS.get(kind)


def rows(whole: bool = True) -> tuple[list[Row], Counter[str]]:
    """The rows that say what was measured, and how many do not, by reason.

    Args:
        whole: of models that their device holds as a whole; else those that it does not.
    """
    truth = json.loads(TRUTH.read_text())
    out: Counter[str] = Counter()
    found: list[Row] = []
    seen: set[tuple[object, ...]] = set()
    for values in truth["rows"]:
        raw = dict(zip(truth["columns"], values, strict=False))
        result = _row(raw, truth)
        if not isinstance(result, str) and result.fits != whole:
            result = "does not fit the device: partly on the CPU, or a wrong label" if whole else "fits the device"
        if isinstance(result, str):
            out[result] += 1
            continue
        key = (*result[:9], result.decode)
        if key in seen:
            out["the same row twice"] += 1
            continue
        seen.add(key)
        found.append(result)
        full = raw.get("tg_tok_s_full_context")
        if full:
            part = parts(result.model)
            end = result.load._replace(cache_bytes=cache_bytes(part.shape, raw["context"]))
            found.append(result._replace(tokens=raw["context"], load=end, decode=full, prefill=None))
    return found + (
        _boards(truth["bits"]) + _apple(truth["bits"]) + _steps() + _studio(truth["bits"]) if whole else []
    ), out


def _studio(bits: dict[str, list[float]]) -> list[Row]:
    """Short chats; the prompt's rate is not told."""
    truth = json.loads(STUDIO.read_text())
    every = [dict(zip(truth["columns"], values, strict=True)) for values in truth["rows"]]
    found = []
    for raw in every:
        width = re.search(r"(\d)bit", raw["quant"])
        stored = [float(width[1]) + MLX_MORE] * 2 if width else bits[raw["quant"]]
        row = _bench(
            raw["model"],
            device_entry(raw["device"]),
            (raw["quant"], {raw["quant"]: stored}),
            (None, raw["tokens_per_second"]),
            flash=True,
            source="NexVeridian/llm-inference-benchmarks",
        )
        load = _load(parts(raw["model"]), (stored[0], stored[1]), stored[0], SHORT)
        found.append(row._replace(runtime=raw["runtime"], tokens=SHORT, load=load))
    return found


def _steps() -> list[Row]:
    """vLLM's steps of one sequence, or two."""
    truth = json.loads(STEPS.read_text())
    every = [dict(zip(truth["columns"], values, strict=True)) for values in truth["rows"]]
    found = []
    for raw in every:
        if raw["together"] <= FEW:
            part, kind, device = parts(raw["model"]), format_class(raw["quant"]), device_entry(raw["device"])
            row = _bench(raw["model"], device, (raw["quant"], {}), (None, 1000 / raw["step_ms"]), flash=True, source="")
            found.append(
                row._replace(
                    runtime="vllm",
                    count=raw["count"],
                    tensor_parallel=raw["count"] > 1,
                    tokens=raw["tokens"],
                    load=_load(part, WIDTHS[kind], WIDTHS[kind][0], raw["tokens"]),
                    chunk=WHOLE,
                    community=False,
                    source="LambdaLabsML/vllm-benchmark" if raw["device"] != "a100-40gb" else "johnmusgrave.com",
                )
            )
    return found


def _boards(bits: dict[str, list[float]]) -> list[Row]:
    """The scoreboards; without flash attention only where a card has no row with it."""
    truth = json.loads(BOARDS.read_text())
    every = [dict(zip(truth["columns"], values, strict=True)) for values in truth["rows"]]
    flashed = {(raw["board"], raw["device"]) for raw in every if raw["flash"]}
    return [
        _bench(
            truth["model"],
            device_entry(raw["device"]),
            (truth["quant"], bits),
            (raw["pp"], raw["tg"]),
            flash=bool(raw["flash"]),
            source=f"llama.cpp discussion {raw['board']}",
        )
        for raw in every
        if raw["flash"] or (raw["board"], raw["device"]) not in flashed
    ]


def _apple(bits: dict[str, list[float]]) -> list[Row]:
    """Apple's chips; one with fewer cores, or slower memory, is that much less of the catalogue's device."""
    truth = json.loads(APPLE.read_text())
    every = [dict(zip(truth["columns"], values, strict=True)) for values in truth["rows"]]
    most = {raw["device"]: max(each["cores"] for each in every if each["device"] == raw["device"]) for raw in every}
    most |= truth["most_cores"]
    found = []
    for raw in every:
        device = device_entry(raw["device"])
        share = raw["cores"] / most[raw["device"]]
        less = replace(
            device,
            bandwidth_gb_s=raw["bandwidth_gb_s"] or device.bandwidth_gb_s,
            fp16_tflops=device.fp16_tflops and device.fp16_tflops * share,
            fp32_tflops=device.fp32_tflops and device.fp32_tflops * share,
        )
        speeds = (raw["pp"], raw["tg"])
        if raw["tg"]:
            source = "llama.cpp discussion 4167"
            found.append(_bench(truth["model"], less, (raw["quant"], bits), speeds, flash=False, source=source))
    return found


def _bench(
    model: str,
    device: Device,
    quant: tuple[str, dict[str, list[float]]],
    speeds: tuple[float | None, float],
    *,
    flash: bool,
    source: str,
) -> Row:
    """What llama-bench says of one model on one device."""
    name, bits = quant
    part = parts(model)
    kind = format_class(name)
    widths = bits.get(name) or WIDTHS[kind]
    return Row(
        model=model,
        device=device.id,
        device_class=device_class(device),
        compute_class=compute_class(device),
        count=1,
        runtime="llama.cpp",
        format=kind,
        quant=name,
        tokens=BENCH_TOKENS / 2,
        load=_load(part, (widths[0], widths[1]), widths[0], BENCH_TOKENS / 2),
        bandwidth=(device.bandwidth_gb_s or 0.0) * 1e9,
        flops=_rate(matrix_tflops(device)),
        shaders=_rate(device.fp32_tflops),
        tensor_parallel=False,
        decode=speeds[1],
        prompt_flops=prompt_flops(
            part.multiplied,
            part.multiplied_experts,
            part.width,
            attended_by_prompt(part.shape, BENCH_PROMPT),
            BENCH_PROMPT,
        ),
        prompt_share=0.0,
        prompt=BENCH_PROMPT,
        chunk=CHUNK["llama.cpp"],
        prefill=speeds[0],
        fits=True,
        flash=flash,
        community=True,
        source=source,
    )


def _load(part: Parts, widths: tuple[float, float], expert_bits: float, tokens: float, element: float = 2.0) -> Load:
    """A token's work, with so many bits a weight, a weight of the head and of the experts."""
    return Load(
        weight_bytes=(part.body * widths[0] + part.head * widths[1]) / 8,
        cache_bytes=cache_bytes(part.shape, tokens, element),
        matrices=part.matrices,
        flops=decode_flops(part.multiplied + part.multiplied_experts, part.width, attended_tokens(part.shape, tokens)),
        expert_bytes=part.experts_all * expert_bits / 8,
        experts=part.experts if part.experts_all else 0,
        experts_used=part.experts_used if part.experts_all else 0,
        layers=part.shape.layers,
        hidden=part.shape.hidden,
        state_bytes=state_bytes(part.shape),
    )


def _row(raw: dict[str, Any], truth: dict[str, Any]) -> Row | str:
    model, device_id = truth["models"][raw["model"]], truth["devices"][raw["device"]]
    runtime = _runtime(str(raw["engine"]))
    source = truth["sources"][raw["source"]]
    if model is None:
        return "model not in the catalogue"
    if raw.get("run_on") == "GPU/CPU":
        return "partly on the CPU"
    if device_id is None and raw["device"] not in truth["hosts"]:
        return "device not in the catalogue, or two kinds of them"
    if runtime in ("hipfire", "lucebox"):
        return "runtime with too few rows"
    if device_id is not None and str(raw["device"]).startswith("Pi "):
        return "card on a Raspberry Pi, which holds it back"
    if runtime == "vllm" and raw.get("quality") and (raw.get("prompt_tokens") or 0) > LONG:
        return "long prompt, and not told whether the rate counts its time"
    quant = _quant(raw)
    text = _spelled(quant, runtime)
    gpt_oss = model.startswith("gpt-oss") and runtime in ("llama.cpp", "mlx")
    kind = "mxfp4" if gpt_oss else format_class(text)
    rest = 4.5 if runtime == "mlx" else 8.5
    widths = (rest, rest) if gpt_oss else _widths(quant, kind, runtime, truth["bits"]) if text else None
    if widths is None:
        return "format whose bits are not known"
    part = parts(model)
    host = truth["hosts"].get(raw["device"]) if device_id is None else None
    device = None if host else device_entry(device_id)
    found = re.search(r"\* (\d+)$", str(raw["device"]))
    count = int(found[1]) if found else int(raw.get("gpus") or 1)
    prompt, generated, tokens, whole = _tokens(raw, source)
    eager = runtime == "vllm" and "branch v2.0" in source and prompt + generated > GRAPH_TOKENS
    expert_bits = MXFP4 if gpt_oss else widths[0]
    load = _load(part, widths, expert_bits, tokens, _element(raw.get("kv_cache")))
    stored = load.weight_bytes + load.expert_bytes + part.table * min(widths) / 8 + load.cache_bytes + load.state_bytes
    prefill = None if whole or count > 1 else raw.get("pp_tok_s")
    length = prompt if prompt else tokens * 2
    if raw.get("quality") and prompt < CHUNK["llama.cpp"]:
        prefill = None  # of a short prompt, a rate that includes the start
    return Row(
        model=model,
        device=device.id if device else str(raw["device"]),
        device_class=device_class(device) if device else "cpu",
        compute_class=compute_class(device) if device else "cpu",
        count=count,
        runtime="vllm-eager" if eager else runtime,
        format=kind,
        quant=quant,
        tokens=tokens,
        load=load,
        bandwidth=(device.bandwidth_gb_s if device else host) * 1e9,
        flops=_rate(matrix_tflops(device)) if device else None,
        shaders=_rate(device.fp32_tflops) if device else None,
        tensor_parallel=count > 1 and runtime in ("vllm", "sglang"),
        decode=float(raw["tg_tok_s"]),
        prompt_flops=prompt_flops(
            part.multiplied, part.multiplied_experts, part.width, attended_by_prompt(part.shape, length), length
        ),
        prompt_share=1 / generated if whole and prompt > 1 else 0.0,
        prompt=length,
        chunk=CHUNK.get(runtime, WHOLE),
        prefill=prefill if runtime == "llama.cpp" else None,
        fits=device is None or stored + SPARE_BYTES <= _usable(device) * count,
        flash=runtime != "llama.cpp" or "May 2024" not in str(raw["engine"]),
        community=bool(raw.get("quality")),
        source=source.partition("@")[0],
    )


def _tokens(raw: dict[str, Any], source: str) -> tuple[float, float, float, bool]:
    """Prompt, generated, tokens before one on average, and whether the rate counts the prefill's time."""
    if "QwenLM" in source:
        return raw["context"], raw["output_len"], raw["context"] + raw["output_len"] / 2, True
    if "May 2024" in str(raw["engine"]):
        return 0, raw["context"], raw["context"] / 2, False
    prompt, generated = raw.get("prompt_tokens") or 0, raw.get("output_tokens") or 0
    return prompt, generated, prompt + generated / 2 or SHORT, False


def _element(kv: object) -> float:
    return next((size for name, size in CACHE_ELEMENT if name in str(kv)), 2.0)


def _usable(device: Device) -> float:
    return device.memory * (device.gpu_share or 1.0)


def _rate(tflops: float | None) -> float | None:
    """FLOPs a second."""
    return tflops * 1e12 if tflops else None

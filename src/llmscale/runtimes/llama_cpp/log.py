"""llama.cpp's start-up log: what llama-server, llama-cli and the programs on libllama print while they load a model.

Source: github.com/ggml-org/llama.cpp src/llama-model-loader.cpp (``llama_model_ftype_name``, "loaded meta data"),
src/llama-model.cpp ("buffer size", "offloaded"), src/llama-kv-cache.cpp, src/llama-context.cpp, ggml-cuda.cu
("found … devices", "cudaMalloc failed"); older names of the same lines (``llm_load_tensors``,
``llama_new_context_with_model``) as logs of 2024 have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from llmscale.runtimes.llama_cpp.info import METAL, MTP, ROCM, SYCL, VULKAN
from llmscale.runtimes.logged import SIZE, Logged, LoggedDevice, Term, Trouble, last, number, size, term
from llmscale.runtimes.placed import CACHE, COMPUTE, STATE, WEIGHTS

_LOADING = "loaded meta data with"
_CONTEXT = re.compile(
    r"constructing llama_context|llama_new_context_with_model: n_(?:ctx|seq_max)|from_model: n_seq_max"
)
_BUFFER = re.compile(rf"([\w\[\].:]+) +(model|KV|RS|compute|output) buffer size *= *{SIZE}")
_OLD_WEIGHTS = re.compile(rf"load_tensors: +([\w\[\].:]+) +buffer size *= *{SIZE}")
_KINDS = {"model": WEIGHTS, "KV": CACHE, "RS": STATE, "compute": COMPUTE, "output": COMPUTE}
#: Backends whose buffers are on a device; the number behind the name is the device's.
_ON_DEVICE = re.compile(r"(?:CUDA|ROCm|HIP|Vulkan|SYCL|Metal|MTL|CANN|MUSA)(\d*)(?:_Private|_Mapped)?(?:_Split)?")
#: ggml's names of backends whose buffers decide more than where they lie.
_BACKENDS = {"Vulkan": VULKAN, "SYCL": SYCL, "ROCm": ROCM, "Metal": METAL, "MTL": METAL}
#: What it prints of a device when it fits and when it ends: all of it = model + context + compute.
_BREAKDOWN = re.compile(
    r"memory_breakdown_print: \|\s+- (\w+)(?: \([^|]*\))?\s*\|.*?\(\s*\d+ =\s*(\d+) \+\s*(\d+) \+\s*(\d+)\)"
)
_FLASH = {"1": True, "enabled": True, "on": True, "0": False, "disabled": False, "off": False}
_SIZES = {"Small": "s", "Medium": "m", "Large": "l"}
#: Types whose name in the log is no preset's; ``llama_model_ftype_name``.
_TYPES = {"q2_k_m": "q2_k", "all_f32": "f32", "iq3_s_mix": "iq3_m", "mxfp4_moe": "mxfp4_moe"}


def read(text: str) -> Logged | None:
    """What the log tells; None where it is not llama.cpp's."""
    if not re.search(r"ll(?:ama|m)_\w+: |load_tensors: |print_info: |ggml_\w+: ", text):
        return None
    load = _load(text)
    context = _contexts(load)
    terms = (*_weights(load), *_buffers(context)) or _broken_down(load)
    trouble = _trouble(load)
    if not terms and trouble is None:
        return None
    return Logged(
        runtime="llama.cpp",
        release=_release(text),
        models=models(load),
        quant=quant(load),
        file_bytes=_file(load),
        context=_context_of(context),
        batch=number(r"n_seq_max *= *(\d+)", context) or 1,
        kv=_kv(context),
        options=_options(load, context),
        cards=cards(text),
        terms=terms,
        trouble=trouble,
    )


def _load(text: str) -> str:
    """The load that is meant where a log has several: the one with the most weights, of equal ones the last."""
    head, *loads = text.split(_LOADING)
    if not loads:
        return text
    before = [head, *loads][: len(loads)]
    weighed = [(sum(one.bytes for one in _weights(load)) or _wanted(load), at) for at, load in enumerate(loads)]
    at = max(weighed)[1]
    return before[at].rpartition("\n")[2] + _LOADING + loads[at]


def _wanted(load: str) -> int:
    """Bytes that a load failed for."""
    trouble = _trouble(load)
    return trouble.wanted or 0 if trouble else 0


def _contexts(load: str) -> str:
    """What the first context of a load prints; a second one is a draft model's, or its own multi-token prediction's."""
    marks = [found.start() for found in _CONTEXT.finditer(load)]
    for start, end in pairwise([*marks, len(load)]):
        part = load[start:end]
        if any(one.bytes for one in _buffers(part)):
            return part
    return load[marks[0] :] if marks else load


def device_of(buffer: str) -> int | None:
    """The device that a buffer is on; None for host memory."""
    found = _ON_DEVICE.fullmatch(buffer)
    return int(found[1] or 0) if found else None


def _weights(load: str) -> tuple[Term, ...]:
    found = [(m[1], m[3], m[4]) for m in _BUFFER.finditer(load) if m[2] == "model"]
    found = found or [(m[1], m[2], m[3]) for m in _OLD_WEIGHTS.finditer(load)]
    return tuple(one for buffer, value, unit in found if (one := term(WEIGHTS, device_of(buffer), value, unit)).bytes)


def _buffers(context: str) -> tuple[Term, ...]:
    """The caches, each line one of them, and of the compute buffers, which are reserved again, the last."""
    caches: list[Term] = []
    scratch: dict[tuple[str, str], Term] = {}
    for m in _BUFFER.finditer(context):
        if m[2] in ("KV", "RS"):
            caches.append(term(_KINDS[m[2]], device_of(m[1]), m[3], m[4]))
        elif m[2] != "model":
            scratch[m[1], m[2]] = term(_KINDS[m[2]], device_of(m[1]), m[3], m[4])
    if not any(kind == "compute" for _, kind in scratch):
        scratch.clear()  # it ended before they were printed, and that of the logits alone is none of them
    return tuple(one for one in (*caches, *scratch.values()) if one.bytes)


def _broken_down(load: str) -> tuple[Term, ...]:
    """What the breakdown of memory says, where no buffer was printed; its context is cache and state together."""
    recurrent = re.search(r"ssm_d_state *= *[1-9]|RS buffer|rs_seq", load)
    found: dict[tuple[str, str], Term] = {}
    for m in _BREAKDOWN.finditer(load):
        for kind, value in ((WEIGHTS, m[2]), ("" if recurrent else CACHE, m[3]), (COMPUTE, m[4])):
            if kind and (one := term(kind, device_of(m[1]), value, "MiB")).bytes:
                found[m[1], kind] = one
    return tuple(found.values())


def models(load: str) -> tuple[str, ...]:
    """What the file is called, then what its metadata says."""
    path = last(r"loaded meta data with .{0,600} from (\S+\.gguf)", load) or last(
        r"(?:ing|target) model '([^']+)'", load
    )
    told = last(r"general\.name\s+(?:str\s+)?= (.+)", load)
    base = last(r"general\.basename str\s+= (.+)", load)
    label = last(r"general\.size_label str\s+= (.+)", load)
    names = [
        re.split(r"[\\/]", path[1])[-1] if path else "",
        told[1].strip() if told else "",
        f"{base[1].strip()} {label[1].strip()}" if base and label else "",
    ]
    return tuple(dict.fromkeys(name for name in names if name and "sha256" not in name))


def quant(load: str) -> str:
    """The preset that llama.cpp's name of a file type says."""
    found = last(r"(?:model ftype|file type)\s*= *(.+)", load)
    if not found:
        return ""
    said = re.sub(r"\(guessed\)|- [\d.]+ bpw.*", "", found[1]).strip()
    name, _, size_word = said.partition(" - ")
    preset = name.strip().lower().replace(" ", "_")
    if size_word.strip() in _SIZES:
        preset += "_" + _SIZES[size_word.strip()]
    return _TYPES.get(preset, preset)


def _file(load: str) -> int | None:
    found = last(rf"(?:file|model) size *= *{SIZE}", load)
    return size(found[1], found[2]) if found else None


def _context_of(context: str) -> int | None:
    """Tokens of one sequence; of a cache that all share, all of it."""
    whole, each = number(r"n_ctx *= *(\d+)", context), number(r"n_ctx_(?:per_)?seq *= *(\d+)", context)
    return each or whole or number(r"\( *(\d+) cells", context)


def _kv(context: str) -> str:
    found = last(r"K \((\w+)\):.{0,80}V \((\w+)\):", context)
    if not found or found[1] == found[2] == "f16":
        return ""
    return found[1] if found[1] == found[2] else f"k={found[1]},v={found[2]}"


def _options(load: str, context: str) -> dict[str, Any]:
    layers = last(r"offloaded (\d+)/(\d+) layers", load)
    flash = last(r"flash_attn *= *(\w+)", context)
    unified = last(r"kv_unified *= *'?(true|false)", context)
    settled = last(r"Flash Attention was auto, set to (\w+)", context)
    said = settled or flash
    found = {
        "gpu_layers": layers[1] if layers and layers[1] != layers[2] else None,
        "ubatch": number(r"n_ubatch *= *(\d+)", context),
        "flash_attn": _FLASH.get(said[1]) if said else None,
        "unified_kv": unified[1] == "true" if unified else None,
        "backend": next(
            (name for word, name in _BACKENDS.items() if re.search(rf"{word}\d* \w+ buffer size", load)), None
        ),
        **_speculating(load),
    }
    return {name: value for name, value in found.items() if value is not None}


def _speculating(load: str) -> dict[str, Any]:
    """Speculation by the model's own layer, and how many tokens it may take back."""
    if "creating MTP draft context against the target model" not in load:
        return {}
    return {"spec_type": MTP, "spec_draft_n_max": number(r"(\d+) rs_seq", load)}


def cards(text: str) -> tuple[LoggedDevice, ...]:
    """The devices that were found, with what was free of each."""
    used = dict(_used(text))
    listed = {int(m[1]): m[2].strip() for m in re.finditer(r"Device (\d+): (.+?), compute capability", text)}
    listed |= {int(m[1]): m[2].strip() for m in re.finditer(r"Device (\d+): (AMD .+?), gfx", text)}
    listed |= {int(m[1]): m[2].strip() for m in re.finditer(r"ggml_vulkan: (\d+) = (.+?) (?:\(|\|)", text)}
    if used:
        return tuple(used[at] for at in sorted(used))
    return tuple(LoggedDevice(listed[at]) for at in sorted(listed))


def _used(text: str) -> Iterable[tuple[int, LoggedDevice]]:
    for m in re.finditer(r"using device (\w+) \((.+?)\) (?:\([^)]*\) )?- (\d+) MiB free", text):
        at = device_of(m[1])
        if at is not None:
            yield at, LoggedDevice(m[2], size(m[3], "MiB"))


def _release(text: str) -> str:
    found = last(r"build *: b?(\d{3,6})[ -]", text) or last(r"build_info: b(\d{3,6})", text)
    return f"b{found[1]}" if found else ""


def _trouble(load: str) -> Trouble | None:
    """The first allocation that failed for good; one that is tried again another way is none."""
    for m in re.finditer(rf"allocating {SIZE} on device (\d+): cudaMalloc failed: out of memory", load):
        after = load[m.end() : m.end() + 600]
        if "retrying without" not in after:
            return Trouble(_what_for(after), int(m[3]), size(m[1], m[2]))
    for m in re.finditer(r"failed to allocate (\w+) buffer of size (\d+)", load):
        if "retrying without" not in load[m.end() : m.end() + 600] and (device := device_of(m[1])) is not None:
            return Trouble(_what_for(load[m.start() - 40 : m.end() + 600]), device, int(m[2]))
    return None


def _what_for(after: str) -> str:
    if re.search(r"compute (?:pp )?buffers?|gallocr", after):
        return COMPUTE
    if re.search(r"kv[ _]cache", after, re.IGNORECASE):
        return CACHE
    return WEIGHTS

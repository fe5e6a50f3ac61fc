"""What to type: the line that starts a runtime with the settings that an answer is about.

Flags are those of llama.cpp commit 0c1e57098 (common/arg.cpp, tools/server/server.cpp) and of vLLM 0.33.0
(vllm/engine/arg_utils.py, vllm/config/cache.py, vllm/model_executor/layers/quantization/__init__.py). A setting that is
the runtime's default is left out, but for those that llama-server would choose by itself when they are not given:
without ``-np`` it takes four slots over one cache, without ``-ngl`` as many layers as it finds room for. SGLang's are
those of 0.5.23 (sglang/srt/arg_groups/fields/), Ollama's variables and parameters those of 0.33.0-rc2
(envconfig/config.go, api/types.go), mlx-lm's those of 0.32.2 (mlx_lm/convert.py, mlx_lm/server.py).

A model is named as its publisher's repository where the catalogue knows one and the runtime reads that; else by a file
or folder called after model and format, which stands for the one that the user has.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from llmscale.runtimes.interface import Options, Workload

if TYPE_CHECKING:
    from llmscale.answers.model import Model
    from llmscale.answers.places import Placed
    from llmscale.devices.sets import DeviceSet
    from llmscale.fit.footprint import Candidate
    from llmscale.formats.recipe import Quant

#: vLLM quantises a checkpoint of 16 bits as it loads (vllm/config/quantization.py, `_ONLINE_SHORTHANDS`).
ONLINE = {
    "fp8": "fp8_per_tensor",
    "fp8-dynamic": "fp8_per_channel",
    "fp8-block": "fp8_per_block",
    "mxfp8": "mxfp8",
}
#: The format that a checkpoint of this ``quant_method`` is published in.
PUBLISHED = {"fp8": "fp8-block", "mxfp4": "mxfp4"}
#: Formats of 16 bits: what a publisher's checkpoint is read in without being told.
PLAIN = ("fp16", "bf16")
#: vLLM's name of a cache format that is not the activations' own.
VLLM_CACHE = {"fp8": "fp8", "fp16": "float16", "bf16": "bfloat16"}

#: SGLang's.
SGLANG_CACHE = {"fp8": "fp8_e4m3"}

#: How mlx_lm.convert is told to make a format.
MLX_MADE: dict[str, tuple[str | int, ...]] = {
    **{f"mlx-{bits}bit": ("--q-bits", bits, "--q-group-size", 64) for bits in (8, 6, 5, 4, 3, 2)},
    "mlx-8bit-g32": ("--q-bits", 8, "--q-group-size", 32),
    **{f"mlx-{mode}": ("--q-mode", mode) for mode in ("mxfp8", "nvfp4", "mxfp4")},
}


class Named(NamedTuple):
    """How a command can name a model.

    Attributes:
        id: what its files are called after.
        repository: the publisher's, on a hub; empty where the catalogue has none.
        published_in: see `ModelSpec`.
    """

    id: str
    repository: str = ""
    published_in: str = ""


class Layout(NamedTuple):
    """Where llama.cpp puts the layers.

    Attributes:
        gpu_layers: on the devices, the output counted as one.
        cpu_moe: first layers whose experts stay in RAM.
    """

    gpu_layers: int
    cpu_moe: int = 0


def line(
    model: Model,
    quant: Quant,
    candidate: Candidate,
    work: Workload,
    devices: DeviceSet,
    place: Placed,
    fits: bool,
    reference: str = "",
    catalogue: str | None = None,
) -> str | None:
    """What to type for this model on these devices; None where it does not fit, and for runtimes that are no server.

    llama.cpp also runs what only partly fits, with the other layers in RAM, unless the layers or the RAM are named.

    Args:
        fits: what the answer says.
        reference: how the user called the model.
    """
    if not model.counted:
        return None

    def published() -> Named:
        return Named(model.ref.id, repository(model.ref.id, reference, catalogue), model.published_in)

    if candidate.runtime.name == "vllm" and fits and quant.kind != "gguf":
        return vllm_serve(published(), quant.id, work, devices.count)
    if candidate.runtime.name == "sglang" and fits and quant.kind != "gguf":
        return sglang_server(published(), quant.id, work, place.ranks or 1)
    if candidate.runtime.name == "mlx" and fits:
        return mlx_server(published(), quant.id, work)
    if candidate.runtime.name == "ollama":
        return ollama_run(Named(model.ref.id), quant.id, work) if place.gpu_layers is not None else None
    o, loaded = work.options, tuple(one.file for one in candidate.beside)
    partly = o.gpu_layers in ("", "auto") and o.ram is None
    if candidate.runtime.name != "llama.cpp" or place.gpu_layers is None or not (fits or partly):
        return None
    if o.gpu_layers in ("", "auto") and o.n_cpu_moe is None and place.cpu_moe and place.layers:
        return llama_server(Named(model.ref.id), quant.id, work, Layout(place.layers, place.cpu_moe), loaded)
    return llama_server(Named(model.ref.id), quant.id, work, Layout(place.gpu_layers, o.n_cpu_moe or 0), loaded)


def llama_server(
    model: Named, quant: str, work: Workload, layout: Layout, loaded: Sequence[tuple[str, str]] = ()
) -> str:
    """The ``llama-server`` line; ``-c`` is the context of all slots together.

    Of unlike devices each gets layers by its free memory without being told; ``-ts`` would have to name them in the
    order that CUDA finds them in. A draft model is loaded without being used unless ``--spec-type`` says how.

    Args:
        loaded: what is loaded besides, ``mmproj`` or ``draft``, and what its file is called after.
    """
    from llmscale.runtimes.llama_cpp.simulate import cache_type

    o = work.options
    k, v = cache_type(work.kv), cache_type(work.value_format)
    words: list[str | int] = ["llama-server", "-m", gguf(model.id, quant), "-c", work.context * work.batch]
    words += ["-np", work.batch, "-ngl", layout.gpu_layers]
    words += ["--n-cpu-moe", layout.cpu_moe] if layout.cpu_moe else []
    words += ["-fa", "off" if o.flash_attn is False else "on"]
    words += ["-ctk", k] if k != "f16" else []
    words += ["-ctv", v] if v != "f16" else []
    words += ["-ub", o.ubatch] if o.ubatch else []
    # No step holds more tokens than a batch, which is 2,048 unless it is said.
    words += ["-b", o.ubatch] if o.ubatch and o.ubatch > LOGICAL_BATCH else []
    words += ["-kvu"] if o.unified_kv else []
    words += ["--swa-full"] if o.swa_full else []
    words += ["-nkvo"] if o.kv_offload is False else []
    for part, name in loaded:
        words += ["--mmproj", f"mmproj-{model.id}-{name.upper()}.gguf"] if part == "mmproj" else []
        words += ["-md", name, "--spec-type", "draft-simple"] if part == "draft" else []
    return _line(words)


#: ``-b`` of llama.cpp where none is given (common/common.h, `n_batch`).
LOGICAL_BATCH = 2048


def gguf(model: str, quant: str) -> str:
    """The usual name of a GGUF file."""
    return f"{model}-{quant.removeprefix('gguf-').upper()}.gguf"


def vllm_serve(model: Named, quant: str, work: Workload, devices: int) -> str | None:
    """The ``vllm serve`` line; None for a cache that vLLM does not keep.

    All devices share each layer (tensor parallel) unless the options say otherwise.
    """
    o = work.options
    name, how = _checkpoint(model, quant)
    cache = _vllm_cache(quant, work)
    if cache is None:
        return None
    words: list[str | int] = ["vllm", "serve", name, "--max-model-len", work.context, *how, *cache]
    ranks = _tensor_parallel(o, devices)
    words += ["--tensor-parallel-size", ranks] if ranks > 1 else []
    for flag, value in (("--pipeline-parallel-size", o.pp), ("--data-parallel-size", o.dp)):
        words += [flag, value] if value and value > 1 else []
    words += ["--enable-expert-parallel"] if o.ep else []
    share = o.gpu_memory_utilization
    words += ["--gpu-memory-utilization", f"{share:g}"] if share is not None else []
    words += ["--max-num-seqs", o.max_num_seqs] if o.max_num_seqs else []
    words += ["--max-num-batched-tokens", o.max_num_batched_tokens] if o.max_num_batched_tokens else []
    words += ["--enforce-eager"] if o.enforce_eager else []
    return _line(words)


def sglang_server(model: Named, quant: str, work: Workload, ranks: int) -> str:
    """The ``sglang.launch_server`` line; a checkpoint is read in the format that it was published or saved in."""
    o = work.options
    name, how = _checkpoint(model, quant)
    name = f"./{model.id}-{quant}" if how else name
    words: list[str | int] = ["python", "-m", "sglang.launch_server", "--model-path", name]
    words += ["--context-length", work.context]
    words += ["--kv-cache-dtype", SGLANG_CACHE[work.kv.id]] if work.kv.id not in PLAIN else []
    words += ["--tp-size", ranks] if ranks > 1 else []
    share = o.mem_fraction_static
    words += ["--mem-fraction-static", f"{share:g}"] if share is not None else []
    words += ["--chunked-prefill-size", o.chunked_prefill_size] if o.chunked_prefill_size else []
    words += ["--max-running-requests", o.max_running_requests] if o.max_running_requests else []
    return _line(words)


def ollama_run(model: Named, quant: str, work: Workload) -> str:
    """What makes a model of a GGUF file and runs it; what only the server is told stands before it.

    Ollama puts the layers that do not fit in RAM by itself.
    """
    from llmscale.runtimes.llama_cpp.simulate import cache_type

    o, kind = work.options, cache_type(work.kv)
    told = {
        "OLLAMA_NUM_PARALLEL": work.batch if work.batch > 1 else None,
        "OLLAMA_KV_CACHE_TYPE": kind if kind != "f16" else None,
        "OLLAMA_FLASH_ATTENTION": None if o.flash_attn is None else int(o.flash_attn),
    }
    server = " ".join(f"{name}={value}" for name, value in told.items() if value is not None)
    parameters = {
        "num_ctx": work.context,
        "num_batch": o.ubatch,
        "num_gpu": o.gpu_layers if o.gpu_layers.isdecimal() else None,
    }
    lines = [f"FROM ./{gguf(model.id, quant)}"]
    lines += [f"PARAMETER {name} {value}" for name, value in parameters.items() if value is not None]
    text, name = shlex.quote("".join(f"{line}\\n" for line in lines)), shlex.quote(f"{model.id}-{quant}")
    made = f"printf {text} > Modelfile && ollama create {name} && ollama run {name}"
    return f"{server} ollama serve & {made}" if server else made


def mlx_server(model: Named, quant: str, work: Workload) -> str | None:
    """What makes a model of a checkpoint, if it must be made, and serves it; None for what MLX does not make."""
    made = MLX_MADE.get(quant)
    own = model.repository if not model.published_in else ""
    name = own or f"./{model.id}" if quant in PLAIN else f"./{model.id}-{quant}"
    if made is None and quant not in PLAIN:
        return None
    words: list[str | int] = ["mlx_lm.server", "--model", name]
    words += ["--prefill-step-size", work.options.prefill_step_size] if work.options.prefill_step_size else []
    words += ["--kv-bits", work.kv.id.removeprefix("mlx")] if work.kv.id not in PLAIN else []
    # It reads requests in batches of 32 unless it is told.
    words += ["--decode-concurrency", work.batch] if work.kv.id in PLAIN else []
    served = _line(words)
    if made is None or not own:
        return served
    return f"{_line(['mlx_lm.convert', '--hf-path', own, '--mlx-path', name, '-q', *made])} && {served}"


def _tensor_parallel(options: Options, devices: int) -> int:
    return options.tp or max(devices // ((options.pp or 1) * (options.dp or 1)), 1)


def _checkpoint(model: Named, quant: str) -> tuple[str, list[str]]:
    """What vLLM loads, and how it is told to read it: a quantised checkpoint says so itself."""
    if model.repository and model.published_in and PUBLISHED.get(model.published_in) == quant:
        return model.repository, []
    own = model.repository if not model.published_in else ""
    if quant in PLAIN:
        return own or f"./{model.id}", []
    if quant == "fp32":
        return own or f"./{model.id}", ["--dtype", "float32"]
    if own and quant in ONLINE:
        return own, ["--quantization", ONLINE[quant]]
    return f"./{model.id}-{quant}", []


def _vllm_cache(quant: str, work: Workload) -> list[str] | None:
    """How vLLM is told what to keep the cache in, which is the activations' format unless it is told."""
    form = work.kv.id
    if work.value_format != work.kv:
        return None
    if form == "fp32":
        return [] if quant == "fp32" else None
    if form in PLAIN and quant != "fp32":
        return []
    return ["--kv-cache-dtype", VLLM_CACHE[form]] if form in VLLM_CACHE else None


def repository(model: str, reference: str = "", catalogue: str | None = None) -> str:
    """The publisher's repository of a catalogue model: the one that `reference` names, else the first that is known."""
    from llmscale.catalogue.entries import models

    entry = models(catalogue)["entries"].get(model)
    known = [alias for alias in entry.get("aliases", ()) if alias.count("/") == 1] if entry else []
    asked = [alias for alias in known if alias.lower() == reference.strip().lower()]
    return next(iter(asked or known), "")


def _line(words: list[str | int]) -> str:
    return shlex.join(str(word) for word in words)

"""What to type: the ``llama-server`` line that starts what an answer is about.

Flags are those of llama.cpp commit 0c1e57098 (common/arg.cpp, tools/server/server.cpp). A setting that is its default
is left out, but for those that llama-server would choose by itself when they are not given: without ``-np`` it takes
four slots over one cache, without ``-ngl`` as many layers as it finds room for.
"""

from __future__ import annotations

import shlex

from llmscale.runtimes.interface import ModelName, Workload
from llmscale.runtimes.llama_cpp.asked import cache_type, tokens_of
from llmscale.runtimes.llama_cpp.info import ALL, AUTO, PREDICTING
from llmscale.runtimes.llama_cpp.releases import RELEASE, release
from llmscale.runtimes.placed import LayerSplit, Placement
from llmscale.runtimes.subject import Exact, Summary

#: ``-b`` where none is given (common/common.h, `n_batch`): no step holds more tokens than a batch.
LOGICAL_BATCH = 2048


def gguf(model: str, quant: str) -> str:
    """The usual name of a GGUF file."""
    return f"{model}-{quant.removeprefix('gguf-').upper()}.gguf"


def llama_server(subject: Exact | Summary, work: Workload, placed: Placement, called: ModelName) -> str | None:
    """The line; ``-c`` is the context of all slots together.

    Of unlike devices each gets layers by its free memory without being told; ``-ts`` would have to name them in the
    order that CUDA finds them in.
    """
    if placed.layers is None or subject.quant.kind != "gguf":
        return None
    asked = work.option("gpu_layers") or AUTO
    layers = _counted(subject, placed.layers) if asked in (AUTO, ALL) else asked
    ubatch = work.option("ubatch")
    k, v = cache_type(work.kv), cache_type(work.value_format)
    # ``-hf`` takes a preset that the repository has. One that keeps published tensors has no name of its own there, but
    # is the only file of llama.cpp's own repository of a model, as its guide to gpt-oss types it (from memory).
    file = ["-m", gguf(called.id, subject.quant.id)]
    if called.gguf and not subject.quant.keeps and not subject.quant.stored:
        file = ["-hf", f"{called.gguf}:{subject.quant.id.removeprefix('gguf-').upper()}"]
    if called.kept and subject.quant.keeps:
        file = ["-hf", called.kept]
    words: list[str | int] = ["llama-server", *file, "-c", tokens_of(work)]
    words += ["-np", work.batch, "-ngl", layers]
    words += ["--n-cpu-moe", placed.layers.cpu_moe] if placed.layers.cpu_moe else []
    words += ["-ot", work.option("override_tensor")] if work.option("override_tensor") else []
    words += ["-sm", "none", "-mg", work.option("main_gpu") or 0] if work.option("split_mode") == "none" else []
    split = work.option("tensor_split") or ",".join(map(str, placed.layers.split))
    words += ["-ts", split] if split else []
    words += _flash(work)
    words += ["-ctk", k] if k != "f16" else []
    words += ["-ctv", v] if v != "f16" else []
    words += ["-ub", ubatch] if ubatch else []
    words += ["-b", ubatch] if ubatch and ubatch > LOGICAL_BATCH else []
    words += ["-kvu"] if work.option("unified_kv") else []
    words += ["--swa-full"] if work.option("swa_full") else []
    words += ["-nkvo"] if work.option("kv_offload") is False else []
    # What was compiled of a model is precise without options alone, and these name its companions.
    if isinstance(subject, Exact):
        from llmscale.runtimes.llama_cpp.companions import companions

        for other in companions(subject, work):
            words += other.words()
    return shlex.join(map(str, words))


def _counted(subject: Exact | Summary, layers: LayerSplit) -> int:
    """Layers on devices as ``-ngl`` counts them; a file may hold one more, for further tokens, which counts as well."""
    family = subject.spec.family if isinstance(subject, Exact) else subject.family
    return layers.on_devices + (family in PREDICTING and layers.on_devices == layers.total)


def _flash(work: Workload) -> list[str | int]:
    """``-fa``, which was a switch while it was off where nobody said."""
    wanted = work.option("flash_attn") is not False
    if not release(work.option(RELEASE)).flash_attention:
        return ["-fa"] if wanted else []
    return ["-fa", "on" if wanted else "off"]

"""What to type: the ``sglang.launch_server`` line (sglang/srt/arg_groups/fields/, 0.5.23)."""

from __future__ import annotations

import shlex

from llmscale.runtimes.interface import ModelName, Workload
from llmscale.runtimes.parallel.published import PLAIN, checkpoint
from llmscale.runtimes.subject import Exact, Summary

#: Its name of a cache format that is not the activations' own.
CACHE = {"fp8": "fp8_e4m3"}
#: ``--torchao-config`` by quant: a checkpoint of 16 bits that is quantised once it is loaded, and not its experts
#: (`apply_torchao_config_to_model_` in sglang/srt/layers/torchao_utils.py).
TORCHAO = {"torchao-int8": "int8wo", "torchao-fp8": "fp8wo", "torchao-int4": "int4wo-128"}


def sglang_server(subject: Exact | Summary, work: Workload, called: ModelName) -> str | None:
    """The line for a settled workload; a checkpoint is read in the format that it was published or saved in."""
    if subject.quant.kind == "gguf":
        return None
    torchao = TORCHAO.get(subject.quant.id)
    name, how = checkpoint(called, PLAIN[0] if torchao else subject.quant.id)
    name = f"./{called.id}-{subject.quant.id}" if how else name
    words: list[str | int] = ["python", "-m", "sglang.launch_server", "--model-path", name]
    words += ["--torchao-config", torchao] if torchao else []
    words += ["--context-length", work.context]
    words += ["--kv-cache-dtype", CACHE[work.kv.id]] if work.kv.id not in PLAIN else []
    tensor, share = work.option("tp") or 1, work.option("mem_fraction_static")
    words += ["--tp-size", tensor] if tensor > 1 else []
    words += ["--mem-fraction-static", f"{share:g}"] if share is not None else []
    for flag, option in (
        ("--chunked-prefill-size", "chunked_prefill_size"),
        ("--max-running-requests", "max_running_requests"),
    ):
        words += [flag, work.option(option)] if work.option(option) else []
    return shlex.join(map(str, words))

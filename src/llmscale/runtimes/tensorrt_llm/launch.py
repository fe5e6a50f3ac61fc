"""What to type: the ``trtllm-serve`` line (tensorrt_llm/commands/serve.py).

The format of the cache is no flag of it: it comes in a file of settings, which takes the whole of ``kv_cache_config``.
"""

from __future__ import annotations

import shlex

from llmscale.runtimes.interface import ModelName, Workload
from llmscale.runtimes.parallel.published import checkpoint
from llmscale.runtimes.subject import Exact, Summary
from llmscale.runtimes.tensorrt_llm.settings import CACHE_BITS, cache_share

#: Flags that are handed on as they were given.
GIVEN = (
    ("--tp_size", "tp"),
    ("--pp_size", "pp"),
    ("--ep_size", "ep_size"),
    ("--max_batch_size", "max_batch_size"),
    ("--max_num_tokens", "max_num_tokens"),
)
#: Formats of the cache that are those of the activations.
PLAIN = 16


def trtllm_serve(subject: Exact | Summary, work: Workload, called: ModelName) -> str:
    """The line for a settled workload; a checkpoint is read in the format that it was published or saved in."""
    name, how = checkpoint(called, subject.quant.id)
    name = f"./{called.id}-{subject.quant.id}" if how else name
    words: list[str | int] = ["trtllm-serve", name, "--max_seq_len", work.context]
    for flag, option in GIVEN:
        value = work.option(option)
        words += [] if value is None else [flag, value]
    share = work.option("free_gpu_memory_fraction")
    if CACHE_BITS.get(work.kv.id) == PLAIN:
        words += [] if share is None else ["--kv_cache_free_gpu_memory_fraction", f"{share:g}"]
        return shlex.join(map(str, words))
    settings = f"kv_cache_config: {{dtype: {work.kv.id}, free_gpu_memory_fraction: {cache_share(work):g}}}"
    return f"{shlex.join(map(str, words))} --extra_llm_api_options <(echo {shlex.quote(settings)})"

"""What to type: the ``lmdeploy serve api_server`` line (lmdeploy/cli/serve.py and utils.py, 0.16.0)."""

from __future__ import annotations

import shlex

from llmscale.runtimes.interface import ModelName, Workload
from llmscale.runtimes.lmdeploy.placement import POLICY
from llmscale.runtimes.parallel.published import checkpoint
from llmscale.runtimes.subject import Exact, Summary

#: Flags that are handed on as they were given.
GIVEN = (
    ("--cache-max-entry-count", "cache_max_entry_count"),
    ("--max-batch-size", "max_batch_size"),
    ("--max-prefill-token-num", "max_prefill_token_num"),
)


def lmdeploy_server(subject: Exact | Summary, work: Workload, called: ModelName) -> str:
    """The line for a settled workload; a checkpoint is read in the format that it was published or saved in."""
    name, how = checkpoint(called, subject.quant.id)
    name = f"./{called.id}-{subject.quant.id}" if how else name
    words: list[str | int] = ["lmdeploy", "serve", "api_server", name, "--backend", "turbomind"]
    words += ["--session-len", work.context]
    tensor = work.option("tp") or 1
    words += ["--tp", tensor] if tensor > 1 else []
    words += ["--quant-policy", POLICY[work.kv.id]] if work.kv.id in POLICY else []
    for flag, option in GIVEN:
        value = work.option(option)
        words += [] if value is None else [flag, f"{value:g}"]
    return shlex.join(map(str, words))

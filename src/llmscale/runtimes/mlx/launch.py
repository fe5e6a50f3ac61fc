"""What to type: the lines that make a model of a checkpoint and serve it (mlx_lm/convert.py, mlx_lm/server.py, 0.32.2).

A model is named as its publisher's repository where the catalogue knows one and MLX reads that; else by a folder called
after model and format, which stands for the one that the user has.
"""

from __future__ import annotations

import shlex

from llmscale.runtimes.interface import ModelName, Workload
from llmscale.runtimes.mlx.memory import PLAIN
from llmscale.runtimes.subject import Exact, Summary

#: How mlx_lm.convert is told to make a format.
MADE: dict[str, tuple[str | int, ...]] = {
    **{f"mlx-{bits}bit": ("--q-bits", bits, "--q-group-size", 64) for bits in (8, 6, 5, 4, 3, 2)},
    "mlx-8bit-g32": ("--q-bits", 8, "--q-group-size", 32),
    **{f"mlx-{mode}": ("--q-mode", mode) for mode in ("mxfp8", "nvfp4", "mxfp4")},
}


def mlx_server(subject: Exact | Summary, work: Workload, called: ModelName) -> str | None:
    """The line; None for what MLX does not make."""
    quant = subject.quant.id
    made = MADE.get(quant)
    own = called.repository if not called.published_in else ""
    name = own or f"./{called.id}" if quant in PLAIN else f"./{called.id}-{quant}"
    if made is None and quant not in PLAIN:
        return None
    step = work.option("prefill_step_size")
    words: list[str | int] = ["mlx_lm.server", "--model", name]
    words += ["--prefill-step-size", step] if step else []
    words += ["--kv-bits", work.kv.id.removeprefix("mlx")] if work.kv.id not in PLAIN else []
    # It reads requests in batches of 32 unless it is told.
    words += ["--decode-concurrency", work.batch] if work.kv.id in PLAIN else []
    served = shlex.join(map(str, words))
    if made is None or not own:
        return served
    convert = ["mlx_lm.convert", "--hf-path", own, "--mlx-path", name, "-q", *made]
    return f"{shlex.join(map(str, convert))} && {served}"

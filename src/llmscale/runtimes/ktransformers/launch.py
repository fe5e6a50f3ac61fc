"""What to type: SGLang's line with kt-kernel's options (kt-kernel/README.md, 0.7.0)."""

from __future__ import annotations

from llmscale.runtimes.interface import ModelName, Workload
from llmscale.runtimes.ktransformers.info import NATIVE
from llmscale.runtimes.ktransformers.placement import ON_GPU, method_of
from llmscale.runtimes.parallel.published import checkpoint
from llmscale.runtimes.sglang.launch import sglang_server
from llmscale.runtimes.subject import Exact


def kt_server(subject: Exact, work: Workload, called: ModelName) -> str | None:
    """The line for a settled workload; what is no checkpoint's own format lies in a folder of its own."""
    line = sglang_server(subject, work, called)
    if line is None:
        return None
    method, named = method_of(subject, work), work.option("kt_num_gpu_experts")
    own = method == NATIVE[subject.quant.id]
    path = checkpoint(called, subject.quant.id)[0] if own else f"./{called.id}-{method}"
    words = ["--kt-method", method.upper(), "--kt-weight-path", path]
    words += ["--kt-num-gpu-experts", str(ON_GPU if named is None else named)]
    threshold = work.option("kt_gpu_prefill_token_threshold")
    words += [] if threshold is None else ["--kt-gpu-prefill-token-threshold", str(threshold)]
    return f"{line} {' '.join(words)}"

"""What vLLM refuses when it reads its arguments, in its words where it has some.

Read in vLLM 0.19.0: ``vllm/config/model.py`` (``verify_with_parallel_config``).
"""

from __future__ import annotations

from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel.check import refuse_undivided
from llmscale.runtimes.parallel.ranks import Parallel

#: What is said, and what to try, of each thing that cannot be dealt out.
WORDS = {
    "heads": (
        "Total number of attention heads ({number}) must be divisible by tensor parallel size ({ranks}).",
        "Take a tensor parallel size that divides it.",
    ),
    "kv_heads": (
        "{number} KV heads can neither be divided over nor repeated on {ranks} ranks.",
        "Take a tensor parallel size that divides them or is a multiple of them.",
    ),
    "layers": ("{number} layers cannot be dealt out to {ranks} pipeline stages.", ""),
}


def refuse_impossible(spec: ModelSpec, parallel: Parallel) -> None:
    """Refuse ranks that the model cannot be dealt out to.

    Raises:
        UsageError: in vLLM's words.
    """
    refuse_undivided(spec, parallel, WORDS)

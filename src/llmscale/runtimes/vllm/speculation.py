"""Speculation by the layer that a model has for it: ``--speculative-config '{"method": "mtp", ...}'``.

What it takes, read in vLLM 0.26.0: the layer's weights; its cache, which stands among those of the attention layers;
states of recurrent layers with the inputs of as many more tokens to their convolutions, and as many more states a
request (``mamba_utils.py``, ``MambaSpec``); and a second run of the sampler when its peak is measured, of the logits of
two tokens a request (``_dummy_sampler_run`` in ``gpu_model_runner.py``, ``vllm/v1/sample/rejection_sampler.py``). What
the layer's own CUDA graphs and its prompts take is not modelled: three starts of Qwen3.8-27B that agree with three
speculated tokens had 3 to 6 % fewer blocks than follow from this (tests/truth/vllm_blocks.json).
"""

from __future__ import annotations

import json

from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.runtimes.interface import Workload

#: Names of the method; the others are older ones of the same (vllm/config/speculative.py).
METHODS = ("mtp", "deepseek_mtp", "qwen3_next_mtp", "qwen3_5_mtp")
EXAMPLE = """For example --speculative-config '{"method": "mtp", "num_speculative_tokens": 3}'."""
MOST = 64
#: Bytes of a logit while tokens are accepted or not, besides three copies in the model's format (two tokens of a
#: request, and the second of them): raw logits of both, a copy of the first's, their probabilities, and random numbers.
FP32_COPIES, COPIES = 5, 3


def speculated(work: Workload) -> int:
    """Tokens that are speculated at once; 0 without.

    Raises:
        UsageError: what is no such config.
        UnsupportedModelError: another method.
    """
    said = work.option("speculative_config")
    if said is None:
        return 0
    try:
        config = json.loads(said)
    except (ValueError, RecursionError):
        raise UsageError(f"--speculative-config '{said[:40]}' is not JSON.", EXAMPLE) from None
    if not isinstance(config, dict):
        raise UsageError(f"--speculative-config '{said[:40]}' is no object.", EXAMPLE)
    if (method := config.get("method")) not in METHODS or config.get("model"):
        named = str(method or config.get("model"))[:40]
        raise UnsupportedModelError(
            f"What speculation by '{named}' takes under vLLM is not modelled, only that by the model's own layer.",
            EXAMPLE,
        )
    tokens = config.get("num_speculative_tokens")
    if type(tokens) is not int or not 1 <= tokens <= MOST:
        raise UsageError(f"--speculative-config: num_speculative_tokens is a number from 1 to {MOST}.", EXAMPLE)
    return tokens

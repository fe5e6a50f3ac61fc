"""One case in a process of its own, so that nothing of another one is in its memory: ``case.py JSON DEVICE``.

Prints the row as the last line. The prompt goes through the model at once and the answer token by token, as `generate`
does it: without gradients, with a cache, and logits of the last token alone.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from datetime import datetime, timezone
from inspect import signature
from typing import Any

from benchmarks.measure.plan import Case
from benchmarks.measure.reader import Cpu, Cuda, Reader, Reading
from llmscale.catalogue import entries as catalogue

SEED = 0


def run(case: Case, device: str) -> dict[str, Any]:
    """Build, prefill, decode; the row."""
    import torch
    import transformers

    readings: dict[str, Reading] = {}
    reader: Reader = Cuda(torch) if device == "cuda" else Cpu()
    readings["context"] = reader.read()  # the first that touches a CUDA device, which makes the context
    torch.manual_seed(SEED)
    config = _config(transformers, case.model)
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[case.dtype]
    with torch.device(device):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=case.attn)
    model.eval()
    readings["load"] = _read(reader)
    with torch.inference_mode():
        cache = _cache(transformers, config, case)
        tokens = torch.randint(0, config.vocab_size, (case.batch, case.prompt), device=device)
        tokens, cache = _step(model, tokens, cache)
        readings["prefill"] = _read(reader)
        for _ in range(case.answer - 1):
            tokens, cache = _step(model, tokens, cache)
        readings["decode"] = _read(reader)
    return {
        **case._asdict(),
        "class": type(model).__name__,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        **reader.about(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "allocator": os.environ.get("PYTORCH_CUDA_ALLOC_CONF", ""),
        "date": datetime.now(timezone.utc).date().isoformat(),
        "readings": {moment: reading._asdict() for moment, reading in readings.items()},
    }


def _read(reader: Reader) -> Reading:
    """And let the next peak be of the next stage."""
    reading = reader.read()
    reader.reset()
    return reading


def _config(transformers: Any, name: str) -> Any:
    known = catalogue.lookup(name).config
    if known is None:
        raise SystemExit(f"{name} has no config to build it from.")
    return transformers.CONFIG_MAPPING[known["model_type"]].from_dict(dict(known))


def _cache(transformers: Any, config: Any, case: Case) -> Any:
    if case.cache == "static":
        return transformers.StaticCache(config=config, max_cache_len=case.prompt + case.answer)
    return None


def _step(model: Any, tokens: Any, cache: Any) -> tuple[Any, Any]:
    """The next token of each sequence, and the cache with what was read."""
    takes = signature(model.forward).parameters
    keeps = "past_key_values" if "past_key_values" in takes else "cache_params"
    last = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}
    out = model(tokens, use_cache=True, **{keeps: cache}, **last)
    return out.logits[:, -1:].argmax(-1), getattr(out, keeps)


def main() -> None:
    """See the module."""
    print(json.dumps(run(Case(**json.loads(sys.argv[1])), sys.argv[2])))


if __name__ == "__main__":
    main()

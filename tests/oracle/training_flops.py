"""FLOPs of forward and backward of a real class, as ``torch.utils.flop_counter`` counts them; run with torch and
transformers installed:

    python tests/oracle/training_flops.py qwen3-0.6b gemma-2-27b
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

CONFIGS = Path(__file__).parents[1] / "truth" / "configs"
BATCH, SEQUENCE = 2, 64
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers", "encoder_layers")


def grouped(a: Any, b: Any, *_: Any, **__: Any) -> int:
    """Rows by experts: forward and of the input 2D x 3D, of the weight 2D x 2D."""
    return int(2 * a[0] * a[1] * (b[2] if len(b) == 3 else b[1]))


def small(config: dict[str, Any], layers: int = 3) -> dict[str, Any]:
    """What is changed so that few layers stand for many."""
    changes: dict[str, Any] = {key: min(config[key], layers) for key in (*LAYERS, "decoder_layers") if key in config}
    for key in ("layer_types", "hybrid_layer_pattern", "moe_layer_freq"):
        if isinstance(config.get(key), list):
            changes[key] = config[key][:layers]
    return changes


def count(name: str, checkpointing: bool) -> dict[str, Any]:
    """One row of the truth."""
    import torch
    import transformers
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.utils.flop_counter import FlopCounterMode

    config = json.loads((CONFIGS / f"{name}.json").read_text(encoding="utf-8"))
    changes = small(config)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps({**config, **changes}), encoding="utf-8")
        read = transformers.AutoConfig.from_pretrained(folder)
    for key, value in vars(read).items():
        if ("dropout" in key or key.endswith("pdrop")) and isinstance(value, float):
            setattr(read, key, 0.0)
    read._attn_implementation, read.use_cache = "eager", False
    torch.set_default_dtype(torch.bfloat16)  # grouped_mm takes no other
    rule = {torch.ops.aten._grouped_mm: grouped}
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = getattr(transformers, config["architectures"][0])(read).train()
        if checkpointing:
            model.gradient_checkpointing_enable()
        tokens = torch.zeros(BATCH, SEQUENCE, dtype=torch.long)
        given = {"input_ids": tokens, **({"decoder_input_ids": tokens} if read.is_encoder_decoder else {})}
        with FlopCounterMode(display=False, custom_mapping=rule) as forward:
            made = model(**given)
        loss = sum(made[key].sum() for key in ("logits", "last_hidden_state", "pooler_output") if key in made)
        with FlopCounterMode(display=False, custom_mapping=rule) as backward:
            loss.backward()
    return {
        "config": f"{name}.json",
        "changes": changes,
        "batch": BATCH,
        "seq": SEQUENCE,
        "attn": "eager",
        "checkpointing": checkpointing,
        "forward": forward.get_total_flops(),
        "backward": backward.get_total_flops(),
    }


if __name__ == "__main__":
    for each in sys.argv[1:]:
        for again in (False, True):
            print(json.dumps(count(each, again)))

"""The layer that predicts further tokens (multi-token prediction): checkpoints hold it, servers speculate with it.

It is one more layer of the last one's kind after a projection of two hidden sizes to one, between three norms;
embedding and head are the model's own. Read in vLLM 0.26.0 (vllm/model_executor/models/qwen3_5_mtp.py,
qwen3_next_mtp.py and deepseek_mtp.py). Of Qwen3.8-27B, 55,563,006,776 bytes in 16 bits, it is what ours are short of
but for the headers of the files (github.com/vllm-project/recipes@8959cf64, models/Qwen/Qwen3.8-27B.yaml).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmscale.errors import UnsupportedModelError
from llmscale.model.spec import ModelSpec

#: How configs say how many there are.
KEYS = ("num_nextn_predict_layers", "mtp_num_hidden_layers")
#: Families whose layer was read.
READ = frozenset({"deepseek_v3", "qwen3_5", "qwen3_5_moe", "qwen3_next"})
NORMS = 3


def prediction_layers(config: Mapping[str, Any]) -> int:
    """How many a published config has, in itself or in that of its text part."""
    text = config.get("text_config")
    for each in (config, text if isinstance(text, Mapping) else {}):
        for key in KEYS:
            if type(found := each.get(key)) is int:
                return max(0, found)
    return 0


def uncounted(layers: int) -> str:
    """That so many are in the checkpoint, but not in the model that runs."""
    return f"The published checkpoint also holds {layers} multi-token-prediction layer(s), which are not counted."


def predicting(spec: ModelSpec) -> ModelSpec:
    """`spec` with its layer after the others; see `projection` for what it has besides.

    Raises:
        UnsupportedModelError: a model without one, or whose layer was not read.
    """
    if not spec.prediction_layers:
        raise UnsupportedModelError(f"{spec.name} has no layer that predicts further tokens to speculate with.")
    if spec.family not in READ:
        raise UnsupportedModelError(f"What the layer of {spec.family} holds that predicts further tokens was not read.")
    last = [placed for placed in spec.placed if placed.tower is None and spec.layers - 1 in placed.layers]
    own = [placed._replace(prefix=f"mtp.{placed.prefix}", layers=(spec.layers,)) for placed in last]
    at = max(number for number, placed in enumerate(spec.placed) if placed in last) + 1
    return replace(spec, placed=(*spec.placed[:at], *own, *spec.placed[at:]), layers=spec.layers + 1)


def projection(spec: ModelSpec) -> int:
    """Weights of the projection and the norms, which stay in 16 bits."""
    return 2 * spec.hidden_size**2 + NORMS * spec.hidden_size

"""What a step keeps, and has at the most, with and without checkpoints' inputs in the host's memory; run with torch and
transformers installed:

    python tests/oracle/training_offload.py llama-3-8b 4 1 512 bf16 1

Arguments: model, layers, batch, sequence, precision, of how many layers the first is run again. Real classes run on
fake tensors of the CPU, and each storage is followed; what ``save_on_cpu`` packs is counted apart, and copied back as
from another device.
"""

from __future__ import annotations

import contextlib
import json
import sys
import weakref
from pathlib import Path
from typing import Any
from unittest import mock

CONFIGS = Path(__file__).parents[1] / "truth" / "configs"


class Bytes:
    """Storages alive, on the device or in the host's memory."""

    def __init__(self) -> None:
        self.seen: dict[int, Any] = {}
        self.live = {"device": 0, "host": 0}
        self.peak = 0
        self.where = "device"

    def add(self, tensor: Any) -> None:
        storage, where = tensor.untyped_storage(), self.where
        key, size = storage._cdata, storage.nbytes()
        if key in self.seen:
            return

        def gone(_: Any) -> None:
            self.seen.pop(key, None)
            self.live[where] -= size

        self.seen[key] = weakref.ref(storage, gone)
        self.live[where] += size
        self.peak = max(self.peak, self.live["device"])


def step(name: str, layers: int, batch: int, seq: int, precision: str, every: int, offload: bool) -> list[int]:
    """Kept by forward, most in forward and in backward, gradients, and what the host has."""
    import torch
    import transformers
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    held = Bytes()

    class Follow(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            out = func(*args, **(kwargs or {}))
            for each in tree_leaves(out):
                if isinstance(each, torch.Tensor):
                    held.add(each)
            return out

    class Apart(torch.autograd.graph.saved_tensors_hooks):
        def __init__(self, **_: Any) -> None:
            def pack(tensor: Any) -> Any:
                held.where = "host"
                away = torch.empty(tensor.size(), dtype=tensor.dtype)
                away.copy_(tensor)
                held.where = "device"
                return away

            super().__init__(pack, lambda away: away.clone())

    config = transformers.AutoConfig.from_pretrained(str(CONFIGS / f"{name}.json"), attn_implementation="sdpa")
    config.num_hidden_layers, config.use_cache = layers, False
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:layers]
    width = torch.bfloat16 if precision == "bf16" else torch.float32
    amp = torch.autocast("cpu", dtype=torch.bfloat16) if precision == "amp" else contextlib.nullcontext()
    unpacked = mock.patch("transformers.masking_utils.find_packed_sequence_indices", return_value=None)
    with mock.patch("transformers.modeling_utils.save_on_cpu", Apart), unpacked, FakeTensorMode(), Follow():
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=width).train()
        model.activation_checkpointing_enable(every_n_layers=every, offload=offload)
        tokens = torch.zeros(batch, seq, dtype=torch.int64)
        before = held.peak = held.live["device"]
        with amp:
            loss = model(input_ids=tokens, labels=tokens).loss
        kept, forward, host = held.live["device"] - before, held.peak - before, held.live["host"]
        held.peak = held.live["device"]
        loss.backward()
        del loss
        return [kept, forward, held.peak - before, held.live["device"] - before, host]


if __name__ == "__main__":
    model, layers, batch, seq, precision, every = sys.argv[1:]
    for away in (False, True):
        found = step(model, int(layers), int(batch), int(seq), precision, int(every), away)
        print(json.dumps([model, int(layers), int(batch), int(seq), precision, int(every), away, *found]))

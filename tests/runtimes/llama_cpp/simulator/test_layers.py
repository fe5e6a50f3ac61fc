"""Which device a layer goes to, and how few layers are enough."""

from __future__ import annotations

import pytest

from llmscale.runtimes.llama_cpp.read import facts_of
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings, Offload
from llmscale.runtimes.llama_cpp.simulator.buffers import compute_bytes
from llmscale.runtimes.llama_cpp.simulator.layers import layer_devices, placed_layers, shortened
from llmscale.sources.registry import load


def test_layers_go_to_devices_from_the_end_and_the_output_with_them() -> None:
    assert layer_devices(4, Offload(1, gpu_layers=0)) == [1, 1, 1, 1, 1]
    assert layer_devices(4, Offload(1, gpu_layers=1)) == [1, 1, 1, 1, 0]
    assert layer_devices(4, Offload(1)) == [0, 0, 0, 0, 0]
    assert layer_devices(7, Offload(2)) == [0, 0, 0, 0, 1, 1, 1, 1]
    assert layer_devices(7, Offload(2, split=(3.0, 1.0))) == [0, 0, 0, 0, 0, 0, 1, 1]
    assert layer_devices(3, Offload()) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "model", ["phi-2", "gemma-3-27b", "command-a", "hunyuan-a13b", "qwen3-vl-2b", "qwen3-next-80b-a3b"]
)
@pytest.mark.parametrize("devices", [0, 1])
def test_few_layers_need_what_all_layers_need(model: str, devices: int, monkeypatch: pytest.MonkeyPatch) -> None:
    facts, offload = facts_of(load(model).known()), Offload(devices)
    settings = [
        LlamaCppSettings(512, flash_attention=False),
        LlamaCppSettings(8192, n_seq=4, unified=True, n_outputs_max=4),
    ]
    assert len(shortened(placed_layers(facts, offload))) < len(facts.layers)
    short = [compute_bytes(facts, asked, offload) for asked in settings]
    monkeypatch.setattr("llmscale.runtimes.llama_cpp.simulator.buffers.shortened", lambda sequence: sequence)
    assert short == [compute_bytes(facts, asked, offload) for asked in settings]

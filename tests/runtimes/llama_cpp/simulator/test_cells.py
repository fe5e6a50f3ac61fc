"""The cache: how many cells it has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings
from llmscale.runtimes.llama_cpp.simulator.cells import cells, pad
from tests.runtimes.llama_cpp.simulator.models import LLAMA, WINDOWED


@pytest.mark.parametrize(
    ("settings", "full"),
    [
        (LlamaCppSettings(n_ctx=512, n_seq=4), 256),
        (LlamaCppSettings(n_ctx=4196, n_seq=3), 1536),
        (LlamaCppSettings(n_ctx=4196, n_seq=3, unified=True), 4352),
        (LlamaCppSettings(n_ctx=1), 256),
    ],
)
def test_cells_are_padded_per_stream(settings: LlamaCppSettings, full: int) -> None:
    assert cells(LLAMA, settings) == (full, 0)


@pytest.mark.parametrize(
    ("settings", "window"),
    [
        (LlamaCppSettings(n_ctx=8192), 768),
        (LlamaCppSettings(n_ctx=8192, n_ubatch=2048), 2304),
        (LlamaCppSettings(n_ctx=8192, n_seq=4, unified=True), 1024),
        (LlamaCppSettings(n_ctx=8192, swa_full=True), 8192),
        (LlamaCppSettings(n_ctx=512), 512),
    ],
)
def test_a_window_keeps_itself_and_one_batch(settings: LlamaCppSettings, window: int) -> None:
    assert cells(WINDOWED, settings).window == window


@given(st.integers(1, 1 << 20), st.integers(1, 8))
def test_more_context_never_means_fewer_cells(context: int, sequences: int) -> None:
    fewer = cells(LLAMA, LlamaCppSettings(n_ctx=context, n_seq=sequences)).full
    assert fewer * sequences >= context
    assert cells(LLAMA, LlamaCppSettings(n_ctx=context + 1, n_seq=sequences)).full >= fewer
    assert pad(context) % 256 == 0

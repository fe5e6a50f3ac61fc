"""Tensors of whole models by name: as many bytes as their shape in the code of transformers has elements."""

from __future__ import annotations

import pytest

from llmscale.runtimes.transformers.encoder.call import encode
from llmscale.runtimes.transformers.forward import simulate
from llmscale.runtimes.transformers.ops import Step
from llmscale.runtimes.transformers.tape import Buffer, Tape
from llmscale.sources.registry import load

#: Sequences and tokens of each.
BATCH, TOKENS = 2, 512
ROWS, PAIRS = BATCH * TOKENS, BATCH * TOKENS * TOKENS


def made(
    model: str, monkeypatch: pytest.MonkeyPatch, *, encoder: bool = False, past: int = 0, eager: bool = False
) -> dict[str, set[int]]:
    """Bytes of all tensors that a step makes, by their names."""
    found: dict[str, set[int]] = {}
    new, hold = Tape.new, Tape.hold

    def noted(tape: Tape, name: str, elements: int, width: int) -> Buffer:
        found.setdefault(name, set()).add(elements * width)
        return new(tape, name, elements, width)

    def held(tape: Tape, name: str, size: int) -> Buffer:
        found.setdefault(name, set()).add(size)
        return hold(tape, name, size)

    monkeypatch.setattr(Tape, "new", noted)
    monkeypatch.setattr(Tape, "hold", held)
    step = Step(BATCH, 1 if past else TOKENS, past, 2, source=TOKENS, eager=eager)
    (encode if encoder else simulate)(load(model).known(), step)
    return found


def test_latent_attention_unfolds_k_for_every_head(monkeypatch: pytest.MonkeyPatch) -> None:
    """DeepSeek-V2-Lite: 16 heads of 128 and 64."""
    assert made("deepseek-v2-lite", monkeypatch)["K of all heads"] == {ROWS * 16 * (128 + 64) * 2}


def test_the_indexer_caches_one_key_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    assert made("deepseek-v3.2", monkeypatch)["cached keys of the indexer"] == {ROWS * 128 * 2}


def test_a_gate_of_the_query_comes_out_of_its_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Qwen3-Next: 16 heads of 256, and a gate as wide."""
    found = made("qwen3-next-80b-a3b", monkeypatch)
    assert ROWS * 16 * 256 * 2 * 2 in found["Q"]
    assert found["gate of the output"] == {ROWS * 16 * 256 * 2}


def test_the_gate_of_the_delta_rule_is_as_wide_as_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Qwen3.5: 32 heads of 128."""
    assert made("qwen3.5-9b", monkeypatch)["gate"] >= {ROWS * 32 * 128 * 2}


def test_mamba2_has_a_state_of_every_chunk_and_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codestral Mamba: two chunks of 256, states of 128 heads of 64 by 128 in FP32."""
    found = made("mamba-codestral-7b-v0.1", monkeypatch)
    state = BATCH * 128 * 64 * 128 * 4
    assert found["state before"] == {state}
    assert found["states of chunks"] == {2 * state}
    for name in ("states before and of chunks", "states by head", "states at chunks"):
        assert found[name] == {3 * state}


def test_deberta_adds_scores_of_positions_and_keeps_the_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve heads; embeddings and twelve layers, of which the last is what it returns."""
    found = made("deberta-v3-base", monkeypatch, encoder=True)
    assert found["sum of scores"] == {12 * PAIRS * 2}
    assert found["outputs of all layers"] == {11 * ROWS * 768 * 2}


def test_the_cache_of_a_decoders_other_layers_has_the_token_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """T5-small: five layers but the last, K and V of 512."""
    found = made("t5-small", monkeypatch, past=99)
    assert found["KV cache of other layers"] == {BATCH * 5 * 100 * 2 * 512 * 2}
    assert found["cached K"] == {BATCH * 100 * 512 * 2}


def test_single_operations_have_scores_over_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    """T5-small: eight heads, twice; over the decoder's 100 tokens and the encoder's."""
    found = made("t5-small", monkeypatch, past=99, eager=True)
    assert found["two kinds of scores"] == {2 * BATCH * 8 * seen * 2 for seen in (100, TOKENS)}

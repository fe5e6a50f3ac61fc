"""Recurrent blocks by hand: where each is widest, and what stays of it between tokens; in 16 bits but where said."""

from __future__ import annotations

import pytest

from llmscale.model.blocks.linear_attention import GatedDeltaNet
from llmscale.model.blocks.recurrent import Griffin, Mamba, Mamba2, ShortConvolution
from llmscale.runtimes.transformers.ops import Step
from llmscale.runtimes.transformers.recurrent.convolution import convolved, short_convolution, short_convolution_state
from llmscale.runtimes.transformers.recurrent.delta_net import delta_net, delta_net_state
from llmscale.runtimes.transformers.recurrent.griffin import griffin, griffin_state
from llmscale.runtimes.transformers.recurrent.mamba import mamba, mamba_state
from llmscale.runtimes.transformers.recurrent.mamba2 import mamba2, mamba2_state
from llmscale.runtimes.transformers.tape import Tape

#: Two sequences of 256 tokens; one token of each after as many.
PROMPT, ANSWER = Step(2, 256, 0, 2), Step(2, 1, 256, 2)
ROWS = 512


def test_a_convolution_is_padded_by_the_inputs_before() -> None:
    """Three more tokens of each sequence for a kernel of four; the activated one stays."""
    tape = Tape()
    convolved(tape, PROMPT, 1024, 4)
    assert (tape.peak, tape.live) == (2 * (2 * 259 + ROWS) * 1024, 2 * ROWS * 1024)


def test_lfm2() -> None:
    """Both gates and the input, the padded convolution, gated and by token, and the output."""
    block, tape = ShortConvolution(1024, 3), Tape()
    short_convolution(tape, PROMPT, block)
    assert tape.peak == 2 * 1024 * (3 * ROWS + 2 * 258 + 3 * ROWS)
    assert tape.live == 2 * 1024 * ROWS
    assert short_convolution_state(block, PROMPT) == 2 * 1024 * 3 * 2


def test_griffin() -> None:
    """The gate, the padded convolution, and eleven tensors of the scan."""
    block, tape = Griffin(256, 1024, 8, 4), Tape()
    griffin(tape, PROMPT, block)
    assert tape.peak == 2 * 1024 * (ROWS + 2 * 259 + 11 * ROWS)
    assert tape.live == 2 * 256 * ROWS
    assert griffin_state(block, PROMPT) == 2 * 1024 * (3 * 2 + 4)


def test_mamba_holds_the_state_of_every_token_three_times() -> None:
    """In FP32: A, B and B times the input. Beside them input and gate, convolution, step sizes, thrice; outputs, twice,
    D times the input and the sum in FP32; A and the last state in FP32; step sizes, B and C."""
    block, tape, n = Mamba(256, 512, 16, 4, 32), Tape(), ROWS * 512
    mamba(tape, PROMPT, block)
    before = 2 * (2 * n + n + n + n) + 512 * 16 * 4 + ROWS * (32 + 2 * 16) * 2
    assert tape.peak == before + 3 * 4 * n * 16 + 2 * 512 * 16 * 4 + 2 * 2 * n + 2 * 4 * n
    assert tape.live == 2 * 256 * ROWS
    assert mamba_state(block, PROMPT) == 2 * 512 * (4 * 2 + 16 * 4)


def test_a_token_of_mamba_makes_five_states() -> None:
    block, tape = Mamba(256, 512, 16, 4, 32), Tape()
    mamba(tape, ANSWER, block)
    rows = 2 * (2 * 512 + 512 + 512 + 256) * 2
    assert tape.peak == rows + 512 * 16 * 4 + 512 + 5 * 2 * 512 * 16 * 4


def test_states_of_the_others() -> None:
    """A convolution over input, B and C, or Q, K and V; matrices of all heads in FP32."""
    scan = Mamba2(1024, 32, 64, 2, 128, 4)
    assert mamba2_state(scan, PROMPT) == 2 * ((32 * 64 + 2 * 2 * 128) * 4 * 2 + 32 * 64 * 128 * 4)
    delta = GatedDeltaNet(1024, 4, 8, 128, 64, 4)
    assert delta_net_state(delta, PROMPT) == 2 * ((2 * 4 * 128 + 8 * 64) * 4 * 2 + 8 * 128 * 64 * 4)


@pytest.mark.parametrize(("tokens", "chunks"), [(256, 1), (257, 2), (512, 2)])
def test_mamba_2_compares_all_tokens_of_a_chunk(tokens: int, chunks: int) -> None:
    """Pairs of tokens of every head in FP32: of many heads that are narrow nothing else counts."""
    block, tape = Mamba2(64, 512, 4, 1, 4, 4), Tape()
    mamba2(tape, Step(1, tokens, 0, 2), block, 256)
    pairs = chunks * 256 * 256 * 512 * 4
    # Their decay, products, products decayed and in order.
    assert tape.peak == pytest.approx(4 * pairs, rel=0.06)
    assert tape.peak > 4 * pairs


def test_what_an_answer_makes_of_the_state_of_mamba_2() -> None:
    """A, the decayed state and the new one in FP32, B and B times the input in 16 bits."""
    block, tape = Mamba2(64, 512, 64, 1, 128, 4), Tape()
    mamba2(tape, ANSWER, block, 256)
    state = 2 * 512 * 64 * 128
    assert tape.peak == pytest.approx((3 * 4 + 2 * 2) * state, rel=0.05)
    assert tape.peak > (3 * 4 + 2 * 2) * state


def test_what_an_answer_makes_of_the_state_of_the_delta_rule() -> None:
    """Decayed, what is added, and their sum, in FP32."""
    block, tape = GatedDeltaNet(64, 16, 16, 256, 256, 4), Tape()
    delta_net(tape, ANSWER, block)
    state = 2 * 16 * 256 * 256 * 4
    assert tape.peak == pytest.approx(3 * state, rel=0.05)
    assert tape.peak > 3 * state


def test_the_delta_rule_goes_by_whole_chunks() -> None:
    """Of one head: as many bytes from 65 to 128 tokens, but for what is not padded."""
    block = GatedDeltaNet(64, 1, 1, 256, 256, 4)
    sizes = []
    for tokens in (64, 65, 128, 129):
        tape = Tape()
        delta_net(tape, Step(1, tokens, 0, 2), block)
        sizes.append(tape.peak)
    assert sizes[1] - sizes[0] > 2 * (sizes[2] - sizes[1])
    assert sizes[3] - sizes[2] == pytest.approx(sizes[1] - sizes[0], rel=0.05)


def test_a_prompt_under_the_delta_rule_where_its_chunks_are_put_in_order() -> None:
    """Of 16 bits the activated convolution, and the gate, which Qwen3.5 projects apart. In FP32 ten tensors of a number
    a head, column and token; three of the pairs within chunks, the state, and two parts of the last chunk."""
    block, tape = GatedDeltaNet(1024, 4, 8, 128, 128, 4, fused=False), Tape()
    delta_net(tape, PROMPT, block)
    mixed, each = 2 * 4 * 128 + 8 * 128, ROWS * 8 * 128
    narrow = 2 * (ROWS * mixed + each)
    assert tape.peak == narrow + 4 * (10 * each + 3 * ROWS * 8 * 64 + 2 * 8 * 128 * 128 + 2 * 2 * 64 * 8 * 128)
    assert tape.live == 2 * ROWS * 1024

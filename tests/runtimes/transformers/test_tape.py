"""The tape: what is alive when, rounded as the CUDA allocator rounds."""

from __future__ import annotations

from llmscale.runtimes.transformers.tape import Tape, rounded


def test_every_tensor_takes_a_multiple_of_512_bytes_and_none_takes_nothing() -> None:
    assert [rounded(size) for size in (0, 1, 512, 513, 1024)] == [0, 512, 512, 1024, 1024]


def test_the_peak_is_the_most_that_was_alive_together_and_its_moment_what_that_was() -> None:
    tape = Tape()
    first = tape.new("first", 1024, 1)
    tape.free(tape.new("second", 512, 4))
    tape.free(first)
    tape.new("third", 512, 2)
    assert tape.peak == 1024 + 2048
    assert [buffer.name for buffer in tape.moment] == ["second", "first"]
    assert tape.live == 1024


def test_a_function_leaves_what_it_returns_and_nothing_else_of_its_own() -> None:
    tape = Tape()
    before = tape.new("before", 512, 1)
    mark = tape.mark()
    tape.new("local", 512, 1)
    out = tape.new("out", 512, 1)
    tape.leave(mark, out)
    assert tape.live == 1024
    tape.free(before, out)
    assert tape.live == 0


def test_freeing_twice_frees_once() -> None:
    tape = Tape()
    buffer = tape.new("once", 512, 1)
    tape.free(buffer, buffer)
    assert tape.live == 0


def test_a_name_that_is_given_to_something_else_lets_go_of_all_that_had_it() -> None:
    tape = Tape()
    for name in ("scores", "scores", "other"):
        tape.new(name, 512, 1)
    tape.drop("scores")
    assert tape.live == 512
    assert tape.peak == 3 * 512

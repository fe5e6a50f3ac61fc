"""What MLX has under way at once."""

from __future__ import annotations

from llmscale.runtimes.mlx.encoder import Array, peak_bytes, stored, view

MI = 1 << 20


class TestUnderWay:
    """`peak_bytes` on graphs whose peak can be counted by hand."""

    def test_a_chain_that_writes_over_itself_takes_one_buffer(self) -> None:
        array = Array((stored(1),), 1000)
        for _ in range(20):
            array = Array((array,), 1000, over=(0,))
        assert peak_bytes([array], 0) == 2000

    def test_what_a_command_buffer_reads_is_held_until_it_is_run(self) -> None:
        array = Array((stored(1),), 1000)
        for _ in range(20):
            array = Array((array,), 1000)
        assert peak_bytes([array], 7) == 7 + 21 * 2000

    def test_ten_committed_and_the_one_that_is_written(self) -> None:
        """Arrays of 60 Mi elements fill a command buffer each: its ten inputs, the newest input and what is made."""
        array = Array((stored(1),), 60 * MI)
        for _ in range(40):
            array = Array((array,), 60 * MI)
        assert peak_bytes([array], 0) == 12 * 2 * 60 * MI

    def test_fifty_operations_fill_one_too(self) -> None:
        def chain(length: int) -> int:
            array = Array((stored(1),), 100)
            for _ in range(length):
                array = Array((array,), 100)
            return peak_bytes([array], 0)

        assert chain(400) == 401 * 200
        assert chain(2000) == chain(3000) < 601 * 200

    def test_what_somebody_else_reads_is_not_written_over(self) -> None:
        shared = Array((stored(1),), 1000)
        one = Array((shared,), 1000, over=(0,))
        assert peak_bytes([Array((one, shared), 1000, over=(0,))], 0) == 2 * 2000

    def test_views_take_nothing_and_keep_their_memory(self) -> None:
        array = Array((stored(1),), 1000)
        assert peak_bytes([Array((view(array), array), 10)], 0) == 2000 + 20

    def test_an_old_cache_goes_once_it_was_read(self) -> None:
        old = stored(60 * MI)
        array = Array((old,), 60 * MI)
        for _ in range(30):
            array = Array((array,), 60 * MI)
        size = 2 * 60 * MI
        assert peak_bytes([array], size, [old]) == 12 * size
        again = stored(60 * MI)
        array = Array((again,), 60 * MI)
        for _ in range(30):
            array = Array((array,), 60 * MI)
        assert peak_bytes([array], size) == 13 * size

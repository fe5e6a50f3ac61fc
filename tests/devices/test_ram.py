"""RAM as people name it: 32 GB of it are 32 GiB wherever they are named."""

from __future__ import annotations

import pytest

import llmscale
from llmscale.errors import UsageError
from llmscale.units import GIB, parse_ram
from tests.helpers import good, run


@pytest.mark.parametrize("text", ["32GB", "32gb", "32 GB", "32G", "32GiB", " 32GB "])
def test_sticks_are_sold_in_powers_of_two(text: str) -> None:
    assert parse_ram(text) == 32 * GIB


@pytest.mark.parametrize("text", ["", "GB", "32", "much", "-1GB", "0GB", "nan GB"])
def test_what_is_no_size_of_ram(text: str) -> None:
    with pytest.raises(UsageError):
        parse_ram(text)


def test_bytes_are_bytes() -> None:
    assert parse_ram("32000000000B") == 32 * 10**9
    options = [{"ram": 64 * GIB}, {"ram": "64GB"}]
    one, other = (
        llmscale.estimate("llama-3.1-70b", quants=["q4_k_m"], gpus=["rtx3060-12gb"], options=o) for o in options
    )
    assert one.estimates[0].devices[0].max_context == other.estimates[0].devices[0].max_context


def test_the_three_ways_to_say_it_are_one() -> None:
    asked = ["estimate", "llama-3.1-70b", "-q", "q4_k_m", "-o", "json"]
    one = good(*asked, "--gpu", "rtx3060-12gb + 64GB ram").json()["estimates"]
    assert good(*asked, "--gpu", "rtx3060-12gb", "--ram", "64GB").json()["estimates"] == one
    assert good(*asked, "--gpu", "rtx3060-12gb", "--ram", "64GiB").json()["estimates"] == one
    processor = [
        good("fits", *named, "qwen3-8b", "-o", "json").json() for named in (["cpu:64GB"], ["cpu", "--ram", "64GB"])
    ]
    assert processor[0] == processor[1]


def test_the_rule_is_said_where_ram_is_named() -> None:
    assert "32GB is 32 GiB" in " ".join(run("estimate", "-h").out.split())
    assert "32GB 即 32 GiB" in run("estimate", "-h", "--lang", "zh").out

"""``--explain``: the formulas with the numbers put in, which give the figures that are printed."""

from __future__ import annotations

import re

from llmscale import estimate

#: How many tensors of a format a line names.
COUNTED = re.compile(r"[ :](\d+) x ")


def test_explaining_puts_the_numbers_in() -> None:
    assert estimate("llama-2-7b").explanation == ()
    text = "\n".join(estimate("llama-2-7b", ["fp16"], explain=True).explanation)
    for number in ("6,738,415,616", "13,476,831,232", "2,147,483,648", "32 layers", "4,096", "536,870,912"):
        assert number in text
    text = "\n".join(estimate("gemma-3-27b", ["int4"], context=8192, explain=True).explanation)
    assert "window of 1,024" in text
    assert "encoder" in "\n".join(estimate("bert-base", explain=True).explanation)
    assert "of the encoder" in "\n".join(estimate("t5-small", explain=True).explanation)
    text = "\n".join(estimate("7B", ["int4"], explain=True).explanation)
    assert "not known" in text
    assert "3,500,000,000" in text


def test_explained_are_the_bytes_of_each_kind_of_tensor() -> None:
    told = "\n".join(estimate("llama-2-7b", ["q4_k_m"], explain=True).explanation)
    assert "attn_v: 16 x Q6_K, 16 x Q4_K" in told
    assert "4,080,263,168 bytes (exact)" in told
    pieces = [
        int(line.rpartition(" = ")[2].removesuffix(" bytes").replace(",", ""))
        for line in told.splitlines()
        if line.startswith("    ")
    ]
    assert sum(pieces) == 4_080_263_168


def test_what_is_not_known_of_a_size_is_said_once_whatever_the_devices() -> None:
    told = estimate("7B", ["int4"], gpus=["24GiB", "2x 24GiB", "rtx4090"], explain=True).explanation
    assert sum("the shape of 7B is not known" in line for line in told) == 1
    one = estimate("7B", ["int4"], gpus=["24GiB"], explain=True).explanation
    assert sum("the shape of 7B is not known" in line for line in one) == 1


def test_rows_that_are_no_matrices_are_told_together_and_every_tensor_is_counted_once() -> None:
    """LLaMA 2 7B: 65 norms of 4,096 in 32 bits; 291 tensors, as its file has."""
    told = estimate("llama-2-7b", ["q4_k_m"], explain=True).explanation
    assert "    norms, biases and other rows: 65 in 16 or 32 bits = 1,064,960 bytes" in told
    matrices = [int(number) for line in told if line.startswith("    ") for number in COUNTED.findall(line)]
    assert sum(matrices) + 65 == 291


def test_all_experts_of_a_layer_are_one_tensor_of_a_file_and_many_of_a_checkpoint() -> None:
    file = estimate("mixtral-8x7b", ["q8_0"], explain=True).explanation
    checkpoint = estimate("mixtral-8x7b", ["awq"], explain=True).explanation
    experts = [
        sum(int(number) for line in told if "exp" in line for number in COUNTED.findall(line))
        for told in (file, checkpoint)
    ]
    assert experts == [3 * 32, 3 * 32 * 8]

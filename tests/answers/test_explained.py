"""``--explain``: the formulas with the numbers put in, which give the figures that are printed."""

from __future__ import annotations

from llmscale import estimate


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

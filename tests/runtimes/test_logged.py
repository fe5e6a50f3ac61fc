"""What a model may be called that a log names by a path of another machine."""

from __future__ import annotations

import pytest

from llmscale.runtimes.logged import named


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("Qwen/Qwen3-8B", ("Qwen/Qwen3-8B",)),
        ("/data/Qwen3.5-4B", ("Qwen3.5-4B", "/data/Qwen3.5-4B")),
        ("~/.cache/a/qwen3.6-27b-int4/", ("qwen3.6-27b-int4", "~/.cache/a/qwen3.6-27b-int4/")),
        (
            "/root/hub/models--deepseek-ai--DeepSeek-V4-Flash/snapshots/7872f01b",
            ("deepseek-ai/DeepSeek-V4-Flash", "/root/hub/models--deepseek-ai--DeepSeek-V4-Flash/snapshots/7872f01b"),
        ),
        ("/", ("/",)),
    ],
)
def test_names(said: str, names: tuple[str, ...]) -> None:
    assert named(said) == names

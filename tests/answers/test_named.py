"""How a command names a model: by its publisher's repository where the catalogue knows one."""

from __future__ import annotations

from llmscale import load
from llmscale.answers.named import called, repository
from llmscale.fit.subject import model_of
from llmscale.runtimes.interface import ModelName


def test_the_repository_that_was_asked_for_is_the_one_that_is_named() -> None:
    assert repository("llama-2-7b") == "meta-llama/Llama-2-7b-hf"
    assert repository("llama-2-7b", "meta-llama/llama-2-7b-chat-hf") == "meta-llama/Llama-2-7b-chat-hf"
    assert repository("gemma-3-12b") == "google/gemma-3-12b-it"
    assert repository("nobody-knows-it") == repository("gpt-3-13b") == ""


def test_a_checkpoint_says_what_it_is_published_in() -> None:
    about = model_of(load("gpt-oss-20b").known()).about
    files, kept = "unsloth/gpt-oss-20b-GGUF", "ggml-org/gpt-oss-20b-GGUF"
    assert called(about) == ModelName("gpt-oss-20b", "openai/gpt-oss-20b", "mxfp4", files, kept)
    assert called(model_of(load("7B").known()).about) == ModelName("7B")

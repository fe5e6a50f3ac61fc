"""What several tests need: running the program, in this process or in its own, and small models to count by hand."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from llmscale.catalogue import entries as catalogue
from llmscale.cli.app import main
from llmscale.errors import LlmscaleError
from llmscale.model.families import from_config
from llmscale.model.spec import ModelSpec
from llmscale.render.words import words
from llmscale.sources.registry import load

REPOSITORY = Path(__file__).resolve().parent.parent
TRUTH = Path(__file__).resolve().parent / "truth"

#: A LLaMA small enough to count by hand, as `TINY_TOTAL` does.
TINY: dict[str, Any] = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
    "max_position_embeddings": 512,
}
#: Embedding and head, two layers (q and o, k and v of half the width, three MLP matrices, two norms), the last norm.
TINY_TOTAL = 2 * 100 * 64 + 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128 + 2 * 64) + 64

#: A number as tables print it: thousands grouped, decimals optional.
NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Answer:
    """What one run of the program left behind."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str, encoding: str = "utf-8") -> Answer:
    """The program in this process: quick, and seen by the coverage measurement."""
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    err = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    status: Any = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["llmscale", *arguments])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as stop:
                status = stop.code or 0
    assert isinstance(status, int)
    texts = []
    for stream in (out, err):
        stream.flush()
        assert isinstance(stream.buffer, io.BytesIO)
        texts.append(stream.buffer.getvalue().decode(encoding, "replace"))
    return Answer(status, *texts)


def good(*arguments: str) -> Answer:
    """Like `run`, for what must succeed."""
    answer = run(*arguments)
    assert (answer.status, answer.err) == (0, "")
    return answer


def error_of(do: Callable[[], object]) -> LlmscaleError | None:
    """The error of ours that `do` ends with, None when it ends well; any other error is a defect and goes through."""
    try:
        do()
    except LlmscaleError as error:
        return error
    return None


def environment(**extra: str) -> dict[str, str]:
    """This process's environment without what would change how output looks."""
    looks = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "PYTHONIOENCODING", "PYTHONUTF8", "TERM", "LANG", "LC_ALL"}
    kept = {name: value for name, value in os.environ.items() if name not in looks}
    return {**kept, "PYTHONIOENCODING": "utf-8", **extra}


def process(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Answer:
    """The program as users start it."""
    done = subprocess.run(
        [sys.executable, "-m", "llmscale", *arguments],
        capture_output=True,
        env=dict(env or environment()),
        cwd=cwd,
        timeout=120,
        check=False,
    )
    return Answer(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


#: What of a catalogue model's config was otherwise when its rows were recorded: the checkpoints of OLMo 3 have 100,278
#: rows, those of Falcon-H1 norms inside Mamba, those of Granite 3.0 3B no biases.
_ROWS, _NO_NORMS, _BIASED = {"vocab_size": 100_352}, {"mamba_rms_norm": False}, {"attention_bias": True}
MEASURED_WITH: dict[str, dict[str, Any]] = {
    "olmo-3-7b": _ROWS,
    "olmo-3-32b": _ROWS,
    "falcon-h1-3b": _NO_NORMS,
    "falcon-h1-7b": _NO_NORMS,
    "falcon-h1-34b": _NO_NORMS,
    "granite-3.0-3b-a800m": _BIASED,
}


def as_measured(model: str) -> dict[str, Any]:
    """The config of a catalogue model as it was when it was recorded."""
    return {**(catalogue.entry(model).config or {}), **MEASURED_WITH.get(model, {})}


def spec_as_measured(model: str) -> ModelSpec:
    """The catalogue model as it was when it was recorded."""
    return from_config(as_measured(model), model) if model in MEASURED_WITH else load(model).known()


def tiny(**changes: Any) -> dict[str, Any]:
    """`TINY` with these keys instead; a key that is None is left out."""
    merged = {**TINY, **changes}
    return {key: value for key, value in merged.items() if value is not None or key not in changes}


def tiny_spec(**changes: Any) -> ModelSpec:
    """The model of `TINY` with these keys instead."""
    return from_config({**TINY, **changes}, "a test")


def write_config(folder: Path, config: Any) -> Path:
    """Write `config` as a ``config.json`` into `folder`."""
    path = folder / "config.json"
    path.write_text(config if isinstance(config, str) else json.dumps(config), encoding="utf-8")
    return path


#: What is modelled of a run and of money, and has no whole unit: FLOPs by a law, shares, hours, energy, a loss.
MODELLED = {
    "bytes_per_parameter",
    "co2_kg",
    "date",
    "days",
    "days_range",
    "device_hours",
    "device_hours_published",
    "device_hours_range",
    "device_hours_ratio",
    "energy_kwh",
    "energy_kwh_per_million",
    "energy_kwh_range",
    "flops",
    "flops_published",
    "flops_range",
    "flops_ratio",
    "held",
    "high",
    "input",
    "loss",
    "low",
    "median_error",
    "mfu",
    "mfu_range",
    "network_gb_s",
    "optimizer",
    "output",
    "over_training",
    "price_high",
    "price_low",
    "price_range",
    "reducible_percent",
    "saved_percent",
    "share",
    "step_seconds",
    "total",
    "turning_point_flops",
    "usd",
    "usd_per_hour",
}

#: The only keys of the JSON contract under which a number may have a fraction.
FRACTIONS = {
    "step_mfu",
    "run_mfu",
    "tokens_per_parameter",
    "gb_s",
    "bridge_gb_s",
    "slot_gb_s",
    "bits_per_weight",
    "ratio",
    "relative",
    "price_usd",
    "power_w",
    "bandwidth_gb_s",
    "fp16_tflops",
    "gpu_share",
    "tokens_per_second",
    "percent",
    "tokens_per_second_range",
    "first_token_seconds",
    "first_token_seconds_range",
    "max_concurrency",
    "requests",
    "score",
    "within",
    "worst",
    *MODELLED,
}


def not_whole(value: Any, key: str = "") -> set[str]:
    """The keys below `value` that hold a number with a fraction and must not; a user's own ``config`` is let be."""
    if isinstance(value, dict):
        return {bad for name, item in value.items() if name != "config" for bad in not_whole(item, name)}
    if isinstance(value, list):
        return {bad for item in value for bad in not_whole(item, key)}
    return {key} if isinstance(value, float) and key not in FRACTIONS else set()


def said(answer: Any) -> list[str]:
    """The notes of a result as English sentences."""
    return [words("en").sentence(told) for told in answer.notes]


def numbers(text: str) -> Sequence[float]:
    """Every number printed in `text`, without signs: a range is two."""
    return [float(found.replace(",", "")) for found in NUMBER.findall(text)]


def commands_below(command: Any, context: Any) -> Iterator[Any]:
    """A context of every command."""
    yield command, context
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        inner = command.get_command(context, name)
        with inner.make_context(name, [], resilient_parsing=True, parent=context) as made:
            yield from commands_below(inner, made)

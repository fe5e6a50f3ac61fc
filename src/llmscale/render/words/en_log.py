"""English: the words of ``log``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmscale.units import format_gib


def _trouble(v: dict[str, Any]) -> str:
    """What ran out of memory: on which device, how much was asked for, there, and estimated, as far as it is told."""
    where = "" if v["device"] is None else f" on device {v['device']}"
    asked = "" if v["wanted"] is None else f", {format_gib(v['wanted'])} GiB asked for"
    had = "" if v["available"] is None else f", {format_gib(v['available'])} there"
    whole = "" if v["whole"] is None else f" of {format_gib(v['whole'])}"
    estimate = "" if not v["estimate"] else f"; the estimate of it is {format_gib(v['estimate'])} GiB"
    return f"Out of memory: {v['kind']}{where}{asked}{had}{whole}{estimate}."


def _card(v: dict[str, Any]) -> str:
    """What the log calls a device, and how large it is."""
    memory = f"{format_gib(v['memory'])} GiB" if v["memory"] else ""
    return ", ".join(filter(None, (v["device"], memory)))


SENTENCES: dict[str, str | Callable[[dict[str, Any]], str]] = {
    "log_of": lambda v: (
        f"{v['model']} in {v['quant']}, {v['context']:,} tokens, {v['runtime']} {v['release']}"
        + (f", {v['device']}." if v["device"] else ".")
    ),
    "log_release_unread": "The log's release {release} was not read; {compared} is compared.",
    "log_no_device": "The log names no device; --gpu says which.",
    "log_no_context": "The log does not say how many tokens there were: {context:,} are taken; --context says.",
    "log_unknown_device": "The log's device '{device}' is not known; --gpu says which it is.",
    "log_other_device": lambda v: (
        f"The log is of another device ({_card(v)}) than {v['named']} ({format_gib(v['has'])} GiB), which the estimate "
        "is of."
    ),
    "log_trouble": _trouble,
    "log_fits_context": "What fits: up to {context:,} tokens of context.",
    "log_fits_layers": "What fits with this context: {layers} of {total} layers on the device (-ngl {layers}).",
    "log_fits_experts": "What fits with this context: the experts of the first {layers} layers in RAM "
    "(--n-cpu-moe {layers}).",
    "log_fits_nothing": "With this context nothing fits in this format; llmscale fits {device} {model} says in which.",
    "log_held": lambda v: (
        f"PyTorch held {format_gib(v['held'])} GiB; by the estimate the weights are {format_gib(v['weights'])}, and "
        f"all together is {format_gib(v['total'])}."
    ),
    "log_more_held": "That is more than all of the estimate: the run was of another format or another copy, of more "
    "tokens or sequences, or it trained (llmscale train).",
    "log_others": lambda v: f"Other processes held {format_gib(v['others'])} GiB of the device.",
    "log_spare": lambda v: (
        f"{format_gib(v['spare'])} GiB that PyTorch had taken lay in pieces too small: "
        "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True may do."
    ),
    "log_enough_free": "More was free than was wanted: not the card's size, but a limit of the process or of the "
    "driver stood in the way.",
}

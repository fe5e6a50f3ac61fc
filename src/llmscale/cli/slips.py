"""Slips on the command line that can mean one thing only, asked for when a command has failed: others pay nothing.

Other programs' words for an option (``--ctx-size`` of llama.cpp, ``--max-model-len`` of vLLM), ``help`` and
``version``, a model or a device where a command stands, their order, and names of several words without quotes.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

from llmscale.errors import LlmscaleError

#: How other programs, and other people, call an option of ours.
OPTIONS = {
    "-h": "--help",
    "--ctx": "--context",
    # An option of llama.cpp, and under others what everybody calls the context.
    "--ctx-size": "--context",
    "--context-size": "--context",
    "--context-length": "--context",
    "--max-model-len": "--context",
    "--max-context": "--context",
    "--max-seq-len": "--context",
    "--n-ctx": "--context",
    "--device": "--gpu",
    "--ngl": "-ngl",
    "--n-gpu-layers": "-ngl",
    "--gpus": "--gpu",
    "--card": "--gpu",
    "--quantization": "--quant",
    "--quantisation": "--quant",
    "--format": "--quant",
    "--batch-size": "--batch",
    "--parallel": "--batch",
    "--kv": "--kv-dtype",
    "--kv-cache": "--kv-dtype",
    "--kv-cache-dtype": "--kv-dtype",
    "--engine": "--runtime",
    "--backend": "--runtime",
    "--language": "--lang",
    "--nocolor": "--no-color",
}
#: The whole of an option with its value.
FLAGS = {"--json": ["-o", "json"], "--csv": ["-o", "csv"], "--markdown": ["-o", "markdown"], "--yaml": ["-o", "yaml"]}
_CACHES = {"-ctk": "k", "--cache-type-k": "k", "-ctv": "v", "--cache-type-v": "v"}
_COUNT = ("--gpus", "--num-gpus", "--gpu-count", "--n-gpus")


def corrected(arguments: list[str], message: str) -> list[str] | None:
    """What was meant, where a command failed with `message`; None where nobody can tell."""
    for correct in (_word, _caches, _number_of_devices, _option, _command, _extra, _order, _other_kind):
        found = correct(arguments, message)
        if found is not None and found != arguments:
            return found
    return None


def shown(arguments: list[str]) -> str:
    """The line to type."""
    return " ".join(["llmscale", *(shlex.quote(argument) for argument in arguments)])


def _word(arguments: list[str], message: str) -> list[str] | None:
    first, *rest = arguments
    if first in ("help", "-h"):
        return [*rest, "--help"]
    return ["--version"] if first in ("version", "-V", "-v") else None


def _caches(arguments: list[str], message: str) -> list[str] | None:
    """``-ctk q8_0 -ctv q4_0`` of llama.cpp is ``--kv-dtype k=q8_0,v=q4_0``; what is not said is F16 there."""
    found: dict[str, str] = {}
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if name in _CACHES:
            found[_CACHES[name]] = value if equals else next(words, "")
        else:
            rest.append(word)
    if not found or "--kv-dtype" in rest:
        return None
    k, v = (found.get(which, "f16") for which in ("k", "v"))
    return [*rest, "--kv-dtype", k if k == v else f"k={k},v={v}"]


def _number_of_devices(arguments: list[str], message: str) -> list[str] | None:
    """``--gpus 2 --gpu rtx4090`` is ``--gpu '2x rtx4090'``."""
    at = next((at for at, word in enumerate(arguments[:-1]) if word in _COUNT and arguments[at + 1].isdigit()), None)
    if at is None or not message.startswith("No such option"):
        return None
    count, rest = arguments[at + 1], [*arguments[:at], *arguments[at + 2 :]]
    if "--gpu" not in rest[:-1]:
        return None
    where = rest.index("--gpu") + 1
    return [*rest[:where], f"{count}x {rest[where]}", *rest[where + 1 :]]


def _option(arguments: list[str], message: str) -> list[str] | None:
    """Another word for an option that there is."""
    found = re.match(r"No such option: (\S+)", message) or re.match(
        r"(\S+) is an option of|(?=--backend '\S+' is not known)(--backend)", message
    )
    if found is None:
        return None
    wrong = next(filter(None, found.groups()))
    out: list[str] = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name != wrong:
            out.append(argument)
        elif name in FLAGS:
            out += FLAGS[name]
        elif name in OPTIONS:
            out.append(OPTIONS[name] + equals + value)
        else:
            return None
    return out


def _command(arguments: list[str], message: str) -> list[str] | None:
    """A model or a device where the command stands."""
    if not message.startswith("No such command"):
        return None
    names = list(_leading(arguments))
    for command, known in (("estimate", is_model), ("fits", is_device)):
        for count in range(len(names), 0, -1):
            if known(" ".join(names[:count])):
                return [command, " ".join(names[:count]), *arguments[count:]]
    return None


def _leading(arguments: list[str]) -> Iterator[str]:
    for argument in arguments[:8]:
        if argument.startswith("-"):
            return
        yield argument


def _extra(arguments: list[str], message: str) -> list[str] | None:
    """Words that belong to the name before them, or a device without its option."""
    found = re.match(r"Got unexpected extra arguments? \((.*)\)|Got unexpected extra argument\(s\) \((.*)\)", message)
    if found is None:
        return None
    extra = (found[1] or found[2]).split(" ")
    count = len(extra)
    at = next((at for at in range(len(arguments)) if arguments[at : at + count] == extra), None)
    if not at:
        return None
    joined, rest = " ".join([arguments[at - 1], *extra]), arguments[at + count :]
    if (arguments[at - 2] == "--gpu" and is_device(joined)) or is_model(joined):
        return [*arguments[: at - 1], joined, *rest]
    if is_device(" ".join(extra)) and arguments[0] in ("estimate",):
        return [*arguments[:at], "--gpu", " ".join(extra), *rest]
    return None


def _order(arguments: list[str], message: str) -> list[str] | None:
    """``fits``: a device of several words, or behind the model."""
    if arguments[0] != "fits":
        return None
    names = list(_leading(arguments[1:]))
    rest = arguments[1 + len(names) :]
    for start in (*range(len(names)),):
        for end in range(len(names), start, -1):
            device, models = " ".join(names[start:end]), [*names[:start], *names[end:]]
            if is_device(device) and (model := _models(models)) is not None:
                return ["fits", device, *model, *rest]
    return None


#: Who asks of a model what is asked of a device, and the other way about.
_OF_A_MODEL = {("fits",): ["needs"], ("devices", "show"): ["models", "show"], ("plot", "context"): ["plot", "memory"]}
_OF_A_DEVICE = {
    ("estimate",): ["fits"],
    ("needs",): ["fits"],
    ("params",): ["devices", "show"],
    ("models", "show"): ["devices", "show"],
    ("plot", "memory"): ["plot", "context"],
}


def _other_kind(arguments: list[str], message: str) -> list[str] | None:
    """A model where a command asks of a device, or a device where it asks of a model."""
    found = re.match(r"There is no (device|model) called '(.+)'\.", message)
    if found is None or "--check" in arguments:  # of which a script takes the exit status for the verdict that it asked
        return None
    table, known = (_OF_A_MODEL, is_model) if found[1] == "device" else (_OF_A_DEVICE, is_device)
    for words, instead in table.items():
        count = len(words)
        names = list(_leading(arguments[count:]))
        if tuple(arguments[:count]) == words and names == [found[2]] and known(found[2]):
            return [*instead, *arguments[count:]]
    return None


def _models(names: list[str]) -> list[str] | None:
    """These models, or the one that all the words are together."""
    if all(map(is_model, names)):
        return names
    return [" ".join(names)] if is_model(" ".join(names)) else None


def is_model(name: str) -> bool:
    """Whether a model goes by this name."""
    from llmscale.sources.registry import load

    return _is_known(load, name)


def is_device(name: str) -> bool:
    """Whether a device goes by this name."""
    from llmscale.devices.local import named

    return _is_known(named, name)


def _is_known(find: Callable[[str], Any], name: str) -> bool:
    try:
        find(name)
    except LlmscaleError:
        return False
    return True

"""What can be asked: a line each, and how the words of a question become what an answer takes.

What a question says reaches no file of the machine that answers: models are named or sized, recipes are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from llmscale.answers.given import FALSE, TRUE
from llmscale.errors import UsageError
from llmscale.records import NamedTuple
from llmscale.units import parse_count

#: Characters of one value, values of one name, and formats of one question.
LONGEST, MOST, MOST_QUANTS = 200, 32, 12


class Parameter(NamedTuple):
    """One thing that a question may say.

    Attributes:
        name: how the question calls it.
        kind: ``text``, ``list``, ``whole``, ``tokens``, ``number`` or ``flag``.
        help: one line.
        to: how the answer calls it; `name` when empty.
    """

    name: str
    kind: str
    help: str
    required: bool = False
    to: str = ""


MODEL = Parameter("model", "text", "A catalogue name, or a size such as 7B.", True)
QUANT = Parameter("quant", "list", "Weight format; may be given several times.", to="quants")
CONTEXT = Parameter("context", "tokens", "Tokens of one sequence; 8k is 8192.")
BATCH = Parameter("batch", "whole", "Sequences at once.")
KV = Parameter("kv_dtype", "text", "Format of the KV cache.")
RUNTIME = Parameter("runtime", "text", "Runtime, or runtime@release.")
RESERVE = Parameter("reserve", "text", "Memory kept free on each device: 0.5GiB.")
MAP = Parameter("quant_map", "text", "Formats by part: attn=q8_0.")
SPARSITY = Parameter("sparsity", "text", "2:4, or 50%.")
ALL = Parameter("all", "flag", "Also the rows that are usually left out.", to="everything")
COMMAND = Parameter("command", "flag", "Also what to type.")
USERS = (
    Parameter("users", "whole", "Who ask at once, each again when answered."),
    Parameter("prompt", "tokens", "Tokens of a user's prompt, 2k."),
    Parameter("answer", "tokens", "Tokens of an answer, 500."),
    Parameter("ttft", "text", "The longest wait for a first token, 1s."),
    Parameter("tpot", "text", "The same for each other token, 50ms."),
)
HOW = (QUANT, CONTEXT, BATCH, KV, RUNTIME, RESERVE, MAP, SPARSITY)


class Endpoint(NamedTuple):
    """One question: `answer` and `result` are a function and a class of `llmscale.answers`, ``module:name``.

    Attributes:
        places: how many of the parameters, from the first, the answer takes by place.
        options: whether it takes the options of runtimes as well.
    """

    answer: str
    result: tuple[str, ...]
    help: str
    parameters: tuple[Parameter, ...]
    places: int = 1
    options: bool = False


ENDPOINTS: dict[str, Endpoint] = {
    "estimate": Endpoint(
        "estimate:estimate",
        ("estimate:EstimateResult",),
        "Memory of a model in each format, and what it fits.",
        (
            MODEL,
            Parameter("gpu", "list", "A device; may be given several times.", to="gpus"),
            *HOW,
            Parameter("explain", "flag", "The formulas with the numbers put in."),
            *USERS,
        ),
        options=True,
    ),
    "params": Endpoint("params:params", ("params:ParamsResult",), "Where the parameters of a model sit.", (MODEL,)),
    "compare": Endpoint(
        "compare:compare",
        ("compare:CompareResult",),
        "Models side by side.",
        (Parameter("model", "list", "A model; two or more.", True),),
    ),
    "fits": Endpoint(
        "fits:fits",
        ("fits:FitsResult", "fits:FitsOverview"),
        "Which models a device takes.",
        (
            Parameter("device", "text", "rtx4090, 2x rtx3090, 24GiB."),
            Parameter("model", "list", "Only these.", to="models"),
            *HOW,
            ALL,
            COMMAND,
        ),
        places=2,
        options=True,
    ),
    "needs": Endpoint(
        "needed:needed",
        ("needs:NeedsResult", "needs_load:NeedsLoadResult"),
        "Which devices a model takes; with users which serve them.",
        (
            MODEL,
            *HOW,
            *USERS,
            Parameter("max_count", "whole", "The most devices of one kind together."),
            Parameter("max_price", "number", "The most that all together cost at launch, USD."),
            Parameter("kind", "list", "Kinds of device.", to="kinds"),
            ALL,
        ),
        options=True,
    ),
    "models": Endpoint(
        "lists:list_models",
        ("lists:ModelsResult",),
        "The catalogue.",
        (Parameter("word", "text", "Only those with this in a name."),),
    ),
    "devices": Endpoint(
        "lists:list_devices",
        ("lists:DevicesResult",),
        "The devices.",
        (Parameter("word", "text", "Only those with this in a name."),),
    ),
    "quants": Endpoint(
        "lists:list_quants",
        ("lists:QuantsResult",),
        "The formats.",
        (Parameter("word", "text", "Only those with this in a name."),),
    ),
    "runtimes": Endpoint("runtimes:list_runtimes", ("runtimes:RuntimesResult",), "The runtimes and their options.", ()),
}


def answer(name: str, said: Mapping[str, list[str]]) -> Any:
    """The result of an endpoint for what was said.

    Raises:
        UsageError: a word that it does not know, or a value that cannot be meant.
        LlmscaleError: whatever the answer raises.
    """
    endpoint = ENDPOINTS[name]
    places, named = arguments(endpoint, said)
    module, _, function = endpoint.answer.partition(":")
    ask: Callable[..., Any] = getattr(import_module(f"llmscale.answers.{module}"), function)
    return ask(*places, **named)


def arguments(endpoint: Endpoint, said: Mapping[str, list[str]]) -> tuple[list[Any], dict[str, Any]]:
    """What the answer is called with: by place, and by name.

    Raises:
        UsageError: see `answer`.
    """
    known = {parameter.name: parameter for parameter in endpoint.parameters}
    options: dict[str, Any] = {}
    named: dict[str, Any] = {}
    for name, values in said.items():
        _refuse_long(name, values)
        if name in known:
            named[name] = _READERS[known[name].kind](known[name], values)
        elif endpoint.options:
            options[name] = _option(name, values)
        else:
            raise UsageError(f"There is no parameter '{name[:40]}'.", f"Known: {', '.join(known) or 'none'}.")
    for parameter in endpoint.parameters:
        if parameter.required and not named.get(parameter.name):
            raise UsageError(f"'{parameter.name}' is missing.", parameter.help)
    places = [
        named.pop(parameter.name, [] if parameter.kind == "list" else None)
        for parameter in endpoint.parameters[: endpoint.places]
        if parameter.name in named or parameter.required or endpoint.places > 1
    ]
    called = {known[name].to or name: value for name, value in named.items() if value is not None}
    return places, {**called, **({"options": options} if options else {})}


def _refuse_long(name: str, values: list[str]) -> None:
    if len(values) > MOST or any(len(value) > LONGEST for value in values):
        raise UsageError(f"'{name[:40]}' is too long.", f"At most {MOST} values of {LONGEST} characters.")


def _option(name: str, values: list[str]) -> Any:
    """One option of a runtime; `llmscale.answers.question` reads its value, and refuses a name that none has."""
    value = _no_file(values[-1])
    return {"true": True, "false": False}.get(value.strip().lower(), value)


def _no_file(value: str) -> str:
    from llmscale.formats.select import RECIPES

    if value.strip().lower().endswith(RECIPES):
        raise UsageError("A server opens no recipe.", "Name a format, or use the command line.")
    return value


def _list(parameter: Parameter, values: list[str]) -> list[str]:
    found = [_no_file(value) for value in values if value.strip()]
    groups = [value for value in found if value.strip().lower().startswith("all")]
    if parameter.to == "quants" and (groups or len(found) > MOST_QUANTS):
        raise UsageError("So many formats are not answered at once.", f"At most {MOST_QUANTS}.")
    return found


def _flag(parameter: Parameter, values: list[str]) -> bool:
    value = values[-1].strip().lower()
    if value not in TRUE | FALSE:
        raise UsageError(f"'{parameter.name}' is true or false, not '{value[:40]}'.")
    return value in TRUE


def _whole(parameter: Parameter, values: list[str]) -> int | None:
    text = values[-1].strip()
    return parse_count(text, parameter.name) if text else None


def _tokens(parameter: Parameter, values: list[str]) -> int | None:
    text = values[-1].strip()
    if text.lower().endswith("k") and text[:-1].isdecimal():
        return parse_count(text[:-1], parameter.name) * 1024
    return _whole(parameter, values)


def _number(parameter: Parameter, values: list[str]) -> float | None:
    try:
        return float(values[-1]) if values[-1].strip() else None
    except ValueError:
        raise UsageError(f"'{parameter.name}' is no number.") from None


_READERS: dict[str, Callable[[Parameter, list[str]], Any]] = {
    "text": lambda _, values: values[-1].strip() or None,
    "list": _list,
    "flag": _flag,
    "whole": _whole,
    "tokens": _tokens,
    "number": _number,
}

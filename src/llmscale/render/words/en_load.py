"""English sentences of many users at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _asked(v: dict[str, Any]) -> str:
    return "{users:,} {who} of {prompt:,} + {answer:,} tokens".format(
        **v, who="user" if v["users"] == 1 else "users at once"
    )


def _targets(v: dict[str, Any]) -> str:
    named = [("first token within", v["ttft"]), ("each other within", v["tpot"])]
    said = ", ".join(f"{what} {_time(most)}" for what, most in named if most is not None)
    return f" ({said})" if said else ""


def _time(seconds: float) -> str:
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"


def _told(v: dict[str, Any]) -> str:
    waits = " Only {running:,} run at once, the others wait.".format(**v) if v["running"] < v["users"] else ""
    verdict = {None: "", False: " The targets are not met.", True: " The targets are met, most likely."}[v["meets"]]
    if v["surely"]:
        verdict = " The targets are met."
    return (
        f"{_asked(v)} on {{device}} in {{quant}}: {{speed}} tokens/s in all ({{speeds}}), {{each}} for each; first "
        "token after {first} ({firsts}), the others every {token} ({tokens}).".format(**v)
        + waits
        + verdict
    ).format(**v)


SENTENCES: dict[str, str | Callable[[dict[str, Any]], str]] = {
    "under_load": _told,
    "under_load_unknown": "{quant} on {device}: what many users get is not known; no speed, or no room for a request.",
    "needs_load": lambda v: (
        f"{v['model']}, {_asked(v)}{_targets(v)}: cheapest {v['device']}, {v['layout']}, in {v['quant']}."
    ),
    "needs_load_none": lambda v: (
        f"{v['model']}, {_asked(v)}{_targets(v)}: nothing does"
        + (f"; nearest comes {v['device']}, {v['layout']}, in {v['quant']}." if v["device"] else ".")
    ),
    "load_steady": "Users: each asks again as soon as he is answered; prompts are read while others' answers are "
    "written. Modelled: ranges of tokens/s held {model:.0%} of the published rows of models, and {source:.0%} of those "
    "of sources, that they were not made from; first tokens reach up to where all ask in one moment. docs/accuracy.md "
    "says how far off.",
    "load_rents": "USD/h: of all devices, rented by the newest lists known here; what has no rent is ordered by launch "
    "price, then memory.",
    "load_more": "More devices would do: --all has them, and every layout; --kind some.",
    "load_perhaps": "The middle values meet the targets; the far end of a range may not.",
}

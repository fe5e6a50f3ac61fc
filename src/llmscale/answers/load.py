"""Many users of a server: what they ask, read as people write it, and what they get where a model lies."""

from __future__ import annotations

import re
from dataclasses import replace
from math import ceil, floor

from llmscale.answers.given import MAX_CONTEXT
from llmscale.answers.placed import Laid
from llmscale.answers.question import MAX_BATCH
from llmscale.answers.results.load import ServedLoad
from llmscale.devices.sets import counted
from llmscale.errors import UsageError
from llmscale.fit.largest import most_sequences
from llmscale.fit.pace import Moved
from llmscale.fit.under_load import UnderLoad, under_load
from llmscale.formats.recipe import Quant
from llmscale.records import NamedTuple
from llmscale.runtimes.placed import Verdict
from llmscale.runtimes.refusals import reads
from llmscale.runtimes.registry import infos
from llmscale.runtimes.registry import runtime as find_runtime
from llmscale.speed.interleaved import Users

_TIME = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|s)", re.IGNORECASE)
UNITS = {"ms": 1e-3, "s": 1.0}
#: The devices that servers stand in: the runtime that is at home there answers where none is named.
SERVING = "datacentre"
#: No target is longer.
LONGEST_WAIT = 86400.0


class LoadAsked(NamedTuple):
    """What users ask of a server, and how fast it has to answer; None for no such target.

    Attributes:
        ttft: seconds to the first token.
        tpot: seconds between two tokens of an answer.
    """

    users: Users
    ttft: float | None = None
    tpot: float | None = None

    def among(self, replicas: int) -> LoadAsked:
        """What each of several servers is asked, the one that is asked most."""
        return self._replace(users=self.users._replace(number=ceil(self.users.number / replicas)))


def load_of(
    users: int | None,
    prompt: int | None,
    answer: int | None,
    ttft: str | None = None,
    tpot: str | None = None,
    *,
    sized: bool = False,
) -> LoadAsked | None:
    """What is meant; None where nothing was said.

    Args:
        sized: whether a context or sequences were named as well.

    Raises:
        UsageError: half a question, and numbers that cannot be.
    """
    said = {"--users": users, "--in": prompt, "--out": answer}
    if all(value is None for value in (*said.values(), ttft, tpot)):
        return None
    missing = [option for option, value in said.items() if value is None]
    if missing or users is None or prompt is None or answer is None:
        raise UsageError(f"{' and '.join(missing)} must be said as well.", "As --users 20 --in 2k --out 500.")
    if sized:
        raise UsageError(
            "--users, --in and --out say how many tokens and sequences there are.", "Leave --context and --batch away."
        )
    if not 1 <= users <= MAX_BATCH:
        raise UsageError(f"--users {users} is not possible: between 1 and {MAX_BATCH:,} are.")
    for option, tokens in (("--in", prompt), ("--out", answer)):
        if not 1 <= tokens <= MAX_CONTEXT // 2:
            raise UsageError(f"{option} {tokens} is not possible: between 1 and {MAX_CONTEXT // 2:,} tokens are.")
    return LoadAsked(Users(users, prompt, answer), _seconds(ttft, "--ttft"), _seconds(tpot, "--tpot"))


def _seconds(text: str | None, option: str) -> float | None:
    if text is None:
        return None
    match = _TIME.fullmatch(str(text).strip())
    if match is None:
        raise UsageError(f"{option} '{str(text)[:40]}' is no time with its unit.", "For example 1s or 50ms.")
    seconds = float(match[1]) * UNITS[match[2].lower()]
    if not 0 < seconds <= LONGEST_WAIT:
        raise UsageError(f"{option} {str(text)[:40]} is not possible: above 0 and up to a day is.")
    return seconds


def server() -> str:
    """The runtime that serves where nobody names one."""
    return next(info.name for info in infos() if SERVING in info.home)


def serving(quant: Quant) -> str | None:
    """The runtime that serves a quant whose own answers one request after another, where it reads that; else None."""
    own, name = find_runtime(quant.runtime), server()
    return name if not own.info.serves and reads(find_runtime(name).info, quant) else None


def loaded(one: Laid, what: Moved | None, load: LoadAsked) -> UnderLoad | None:
    """The steady state of one server where a model lies, the one that is asked most; None as in `under_load`."""
    work, room = one.settled.work, one.runtime.step_room(one.settled.work, one.devices)
    if room is None:
        return None
    users = load.among(room.replicas).users
    layers = one.placed.layers if one.placed.fits is Verdict.YES else None
    devices = replace(one.devices, count=room.devices) if room.devices else one.devices
    return under_load(one.runtime, what, one.subject.quant.id, work, layers, devices, users, at_once(one, users))


def at_once(one: Laid, users: Users) -> int:
    """How many of their requests there is memory for."""
    if one.placed.capacity is not None:
        return floor(one.placed.capacity.requests)
    if one.placed.fits is Verdict.YES:
        return users.number
    return most_sequences(one.runtime, one.subject, one.asked, one.devices, users.number)


def shown(found: UnderLoad, load: LoadAsked, room: int, replicas: int = 1) -> ServedLoad:
    """The figures as answers have them, of all `replicas` together."""
    state, first, between = found.state, found.first_token, found.between
    rate = found.tokens_per_second
    targets = [(load.ttft, first), (load.tpot, between)]
    named = [(most, speed) for most, speed in targets if most is not None]
    return ServedLoad(
        users=load.users.number,
        prompt_tokens=load.users.prompt,
        answer_tokens=load.users.answer,
        running=min(load.users.number, state.running * replicas),
        replicas=replicas,
        step_tokens=room,
        tokens_per_second=rate.value * replicas,
        tokens_per_second_range=(rate.low * replicas, rate.high * replicas),
        tokens_per_second_per_user=rate.value * replicas / load.users.number,
        first_token_seconds=first.value,
        first_token_seconds_range=(first.low, first.high),
        token_seconds=between.value,
        token_seconds_range=(between.low, between.high),
        meets=all(speed.value <= most for most, speed in named) if named else None,
        surely_meets=all(speed.high <= most for most, speed in named) if named else None,
    )


def served_load(one: Laid, what: Moved | None, load: LoadAsked, replicas: int = 1) -> ServedLoad | None:
    """What users get of as many servers as are laid, times `replicas`; None as in `under_load`.

    Args:
        load: what all of them are asked.
    """
    found, room = loaded(one, what, load.among(replicas)), one.runtime.step_room(one.settled.work, one.devices)
    return shown(found, load, room.tokens, replicas * room.replicas) if found and room else None


def explained_load(one: Laid, what: Moved | None, load: LoadAsked) -> list[str]:
    """A cycle with the numbers put in; nothing where it is not known."""
    found = loaded(one, what, load)
    if found is None:
        return []
    state, users = found.state, load.users
    request = state.cycle - state.steps * state.step - state.running * state.prompt
    return [
        f"  {state.users.number} users on {counted(one.devices.id, one.devices.count)}: {state.steps:,.4g} steps x "
        f"{1e3 * state.step:,.3g} ms + {state.running} prompts x {1e3 * state.prompt:,.3g} ms + {1e3 * request:,.3g} "
        f"ms of each request = {state.cycle:,.3g} s, in which {state.running * users.answer:,} tokens are written "
        "(modelled: data/load.yaml, benchmarks/fit_load.py)"
    ]

"""Many users of one server at once: prompts are read in the same steps as answers are written (chunked prefill).

A cycle is what lies between two requests of one user, who asks again as soon as he is answered. In it each of the R
sequences that run is read once and written once, so that

    cycle   = n x step(b) + R x prompt + request,   n = max(answer - 1 + passes, R x prompt's tokens / room of a step)
    wait    = passes x step(b) + prompt + queue + request,   TPOT = (cycle - wait) / (answer - 1)

step: the law's time of a decode step of the b sequences that write in it, and what the server's processor does for a
step and for each of its tokens; prompt: the law's time of computing one prompt besides reading the weights, which the
step does; request: what the server does with a request before the model sees it. What the processor takes, and how much
longer prompts take among others, is fitted (`benchmarks/fit_load.py`). The queue is of other prompts that are being
read: half of one as often as one is, which never comes to more than half of all of them; users for whom there is no
memory wait for as many cycles as it takes until they run.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from llmscale.records import NamedTuple


class Users(NamedTuple):
    """What many users ask of one server.

    Attributes:
        number: how many ask at once, each again as soon as he is answered.
        prompt, answer: tokens of each request.
    """

    number: int
    prompt: int
    answer: int

    @property
    def context(self) -> int:
        """Tokens of a sequence when it is written."""
        return self.prompt + self.answer


class Host(NamedTuple):
    """What a server's processor takes, in seconds: for each step, each token written in it, and each request."""

    step: float = 0.0
    token: float = 0.0
    request: float = 0.0


class Server(NamedTuple):
    """What the law and the placement say of a server.

    Attributes:
        step: seconds of a decode step of so many sequences, half of whose answer is written.
        prompt: seconds of computing one prompt, but for reading the weights.
        room: tokens of a step, of prompts and answers together.
        sequences: how many the cache holds at once.
        host: what the processor takes besides.
    """

    step: Callable[[int], float]
    prompt: float
    room: int
    sequences: int
    host: Host = Host()


class Steady(NamedTuple):
    """The steady state, times in seconds.

    Attributes:
        running: sequences at once.
        writing: of them, those that write in a step, on average.
        steps: of a cycle.
        step: of the writing sequences alone.
        prompt: computing one.
        cycle: from one request of a user to his next, while he runs.
        first_token: from the request on, also of those who wait for memory.
        together: the same where all ask in one moment.
        between: between two tokens of an answer.
    """

    running: int
    writing: int
    steps: float
    step: float
    prompt: float
    cycle: float
    first_token: float
    together: float
    between: float
    users: Users

    @property
    def tokens_per_second(self) -> float:
        """Of all answers together."""
        return self.running * self.users.answer / self.cycle


def steady(server: Server, users: Users) -> Steady:
    """The steady state of a server that holds at least one sequence."""
    running = min(users.number, server.sequences)
    room = max(1, server.room - running)
    own = max(1, ceil(users.prompt / room))
    steps = max(users.answer - 1 + own, running * users.prompt / room)
    writing = max(1, round(running * (users.answer - 1) / steps)) if users.answer > 1 else 1
    host = server.host
    step = server.step(writing) + host.step + host.token * writing
    cycle = steps * step + running * server.prompt + host.request
    alone = own * step + server.prompt + host.request
    busy = (running - 1) * server.prompt / cycle
    queued = busy * server.prompt / 2 / (1 - busy)
    for_memory = (users.number - running) * cycle / running
    read = alone + queued
    together = own * step + running * server.prompt + host.request
    between = (cycle - read) / (users.answer - 1) if users.answer > 1 else step
    waited = read + for_memory, together + for_memory
    return Steady(running, writing, steps, step, server.prompt, cycle, *waited, between, users)

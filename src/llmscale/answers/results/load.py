"""What many users get of a server, as answers show it."""

from __future__ import annotations

from llmscale.records import dataclass


@dataclass
class ServedLoad:
    """So many `users` at once, each of whom asks again as soon as he is answered, with the same lengths.

    `running` of them are served in one moment, as many as there is memory for; the others wait. `tokens_per_second` is
    of all answers together, over all `replicas`, `tokens_per_second_per_user` of one user's answers, his waiting
    included. `first_token_seconds` is from the request to the first token (queue, memory and reading the prompt),
    `token_seconds` between two tokens of an answer (TPOT), prompts of others that are read in between included. Ranges
    are those of published tables; that of the first token reaches to where all ask in one moment. `meets` says whether
    the targets that were named are met by the middle values, `surely_meets` whether by the worse ends as well; None
    without targets.
    """

    users: int
    prompt_tokens: int
    answer_tokens: int
    running: int
    replicas: int
    step_tokens: int
    tokens_per_second: float
    tokens_per_second_range: tuple[float, float]
    tokens_per_second_per_user: float
    first_token_seconds: float
    first_token_seconds_range: tuple[float, float]
    token_seconds: float
    token_seconds_range: tuple[float, float]
    meets: bool | None
    surely_meets: bool | None

"""``--override-tensor``: which layers' experts it keeps in host memory.

A rule is ``PATTERN=BUFFER``, several stand behind commas, and the first whose pattern is found in a tensor's name holds
(common/arg.cpp, `parse_tensor_buffer_overrides`; src/llama-model-loader.cpp, `std::regex_search`; llama.cpp commit
0c1e57098). Read are rules that keep all experts of some layers in host memory, which is what nearly everybody uses them
for; what they do to anything else would move work between devices in ways that the simulator does not follow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from llmscale.errors import UsageError
from llmscale.formats.recipe import StoredTensor
from llmscale.runtimes.subject import Exact

CPU = "cpu"
#: Far longer than any that people type; what is longer could keep the search busy.
LONGEST = 500
#: What makes a search take exponentially long: a repetition of what holds a repetition.
NESTED = re.compile(r"\([^()]*[+*}][^()]*\)\s*[+*{]")


def rules(text: str) -> list[tuple[re.Pattern[str], str]]:
    """The patterns, and the buffer that each names.

    Raises:
        UsageError: no rule, a pattern that is none, a buffer that is not host memory.
    """
    found = []
    if len(text) > LONGEST:
        raise UsageError(f"--override-tensor is longer than {LONGEST} characters.")
    for rule in text.split(","):
        pattern, equals, buffer = rule.rpartition("=")
        if not equals or not pattern:
            raise UsageError(f"--override-tensor '{rule[:40]}' is no rule.", "For example -ot 'exps=CPU'.")
        if buffer.strip().lower() != CPU:
            raise UsageError(
                f"--override-tensor '{rule[:40]}': only what goes to the CPU is modelled.",
                "Deal layers out with --tensor-split, and keep experts in RAM with -ot 'exps=CPU'.",
            )
        try:
            if NESTED.search(pattern):
                raise re.error("a repetition of a repetition")
            found.append((re.compile(pattern), CPU))
        except re.error as error:
            raise UsageError(f"--override-tensor '{pattern[:40]}' is no regular expression: {error}.") from None
    return found


@lru_cache(maxsize=64)
def layers_in_ram(subject: Exact, text: str) -> tuple[int, ...]:
    """The layers whose experts the rules keep in host memory.

    Raises:
        UsageError: rules that reach other tensors, or some experts of a layer only.
    """
    told = [pattern for pattern, _ in rules(text)]
    kept, left = _split(subject.stored, told)
    if not kept:
        raise UsageError(f"--override-tensor '{text[:40]}' matches no experts.", "For example -ot 'exps=CPU'.")
    if part := kept & left:
        raise UsageError(
            f"--override-tensor '{text[:40]}' keeps only some experts' matrices of layer {min(part)} in RAM, which is "
            "not modelled.",
            r"All of a layer: -ot 'blk\.(0|1|2)\.ffn_.*_exps=CPU'.",
        )
    return tuple(sorted(kept))


def _split(stored: Sequence[StoredTensor], told: Sequence[re.Pattern[str]]) -> tuple[set[int], set[int]]:
    """Layers with experts that a pattern matches, and with experts that none does."""
    kept: set[int] = set()
    left: set[int] = set()
    for group, _ in stored:
        for layer in group.layers or (None,):
            name = group.name.replace("{layer}", str(layer))
            matched = any(pattern.search(name) for pattern in told)
            if layer is not None and group.component == "experts":
                (kept if matched else left).add(layer)
            elif matched:
                raise UsageError(
                    f"--override-tensor also matches {name}: only experts are modelled in RAM.",
                    "For example -ot 'exps=CPU'; whole layers stay there with --gpu-layers.",
                )
    return kept, left

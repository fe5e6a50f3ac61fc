"""PyTorch's own line on memory that is not there, and the traceback above it.

What is in no server's log is taken for transformers', until the user names another runtime: the line is PyTorch's. The
frames that tell what the memory was for are transformers' (``modeling_utils.py``, ``cache_utils.py``, before 4.36 the
model's own `torch.cat`), accelerate's (``utils/modeling.py``) and PyTorch's (``nn/modules/module.py``).
"""

from __future__ import annotations

import re

from llmscale.errors import UsageError
from llmscale.runtimes.logged import Logged, LoggedDevice, Trouble
from llmscale.runtimes.out_of_memory import lacking
from llmscale.runtimes.placed import CACHE, COMPUTE, WEIGHTS
from llmscale.units import format_gib

#: What each frame was at; of several the innermost one counts, which stands last.
_FRAMES = (
    (
        WEIGHTS,
        r"\bin\s+(?:\w+\.)*(?:from_pretrained|_?load_\w*pretrained_model|\w*load_state_dict\w*|dispatch_model"
        r"|set_module_\w*tensor_to_device|caching_allocator_warmup|create_quantized_param)\b"
        r"|nn[/\\]modules[/\\]module\.py\W.{0,20}\bin\s+(?:\w+\.)*(?:to|cuda|_apply|convert)\b",
    ),
    (COMPUTE, r"\bin\s+(?:\w+\.)*(?:forward|generate|_sample|_prefill)\b"),
    (CACHE, r"\bcache_utils\.py\W|torch\.cat\(\[?\(?(?:past_key_value|layer_past|self\.(?:keys|key_cache))"),
)
#: Frames of a training step, files of trainers, and the lines that these write of each step.
_TRAINING = (
    r"\bin\s+(?:\w+\.)*(?:backward|\w*train(?:ing)?_step|\w*inner_training_loop|compute_loss)\b"
    r"|\btorch[/\\]optim[/\\]|loss\.backward\(\)|\b\w*[Tt]rainer\w*\.py\b"
    r"|[/\\](?:trl|(?:pytorch_)?lightning|torchtune|megatron|axolotl|llamafactory|deepspeed[/\\]runtime)[/\\]"
    r"|'(?:grad_norm|learning_rate)':"
)
#: How much of a text before the line its frames are looked for in: no traceback is longer.
_REACH = 60_000
_TRACEBACK = "Traceback (most recent call last)"


def read(text: str) -> Logged | None:
    """What the line tells; None where there is none.

    Raises:
        UsageError: the memory was wanted by a training step.
    """
    found = lacking(text)
    if found is None:
        return None
    trouble, at = found
    # Where a line ends the traceback stands before it; IPython also prints the line again above.
    before = text[max(0, at - _REACH) : at]
    frames = before[max(0, before.rfind(_TRACEBACK)) :]
    if re.search(_TRAINING, frames):
        raise UsageError(
            f"A training step ran out of memory; it wanted {format_gib(trouble.wanted or 0)} GiB.",
            "llmscale train MODEL --gpu DEVICE says what each part of it takes, and what fits.",
        )
    return Logged(
        runtime="transformers",
        cards=_cards(trouble),
        trouble=trouble._replace(kind=_kind(frames)),
        known=False,
    )


def _kind(frames: str) -> str:
    """What the innermost frame was at; empty where no frame tells."""
    latest = {kind: [one.start() for one in re.finditer(frame, frames)] for kind, frame in _FRAMES}
    told = {kind: at[-1] for kind, at in latest.items() if at}
    return max(told, key=lambda kind: told[kind]) if told else ""


def _cards(trouble: Trouble) -> tuple[LoggedDevice, ...]:
    """The device without its name: what of it others did not have."""
    if not trouble.whole:
        return ()
    return (LoggedDevice("", trouble.whole - (trouble.others or 0), is_total=True),)

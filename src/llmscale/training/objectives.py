"""What a trainer of preferences or rewards holds besides the model that it trains, by objective.

Sources: TRL 1.16.0 ``trainer/{dpo,kto,grpo}_trainer.py`` (a reference only beside full training, of GRPO only where
``beta`` is above its default of 0), ``experimental/orpo`` (none), ``trl/kernels/chunked_logprob.py`` (their head);
``experimental/ppo/ppo_trainer.py`` of its repository (a value model that is trained whole beside the policy, a reward
model that is not, each with a score in the stead of a head; left out of that release's package).
"""

from __future__ import annotations

from llmscale.records import NamedTuple


class Objective(NamedTuple):
    """One objective.

    Attributes:
        sequences: that one of a micro-batch is made of: chosen and rejected are two.
        reference: whether a frozen copy stands beside full training; ``asked`` where only a KL term needs one.
        loss: what its trainer does in the stead of logits and their loss.
        generates: whether its completions are made while training.
        scored: models of the same size with a score in the stead of a head: frozen, and trained whole.
    """

    title: str
    sequences: int = 1
    reference: str = "no"
    loss: str = "trl"
    generates: bool = False
    scored: tuple[int, int] = (0, 0)


#: --objective -> what it holds.
OBJECTIVES = {
    "sft": Objective("SFT", loss="logits"),
    "dpo": Objective("DPO", 2, "yes"),
    "kto": Objective("KTO", 1, "yes"),
    "orpo": Objective("ORPO", 2, loss="logits"),
    "grpo": Objective("GRPO", 1, "asked", generates=True),
    "ppo": Objective("PPO", 1, "yes", "logits", generates=True, scored=(1, 1)),
}
#: Share of a card that TRL's vLLM takes where it sits on the same one (``vllm_gpu_memory_utilization``).
ENGINE_SHARE = 0.3

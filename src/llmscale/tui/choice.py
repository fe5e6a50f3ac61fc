"""What is chosen on the screen: a question, the command that asks the same, and its answer."""

from __future__ import annotations

import shlex

from llmscale.api.functions import estimate
from llmscale.api.shown import EstimateAnswer
from llmscale.errors import LlmscaleError, UsageError, legible, legible_lines
from llmscale.fit.question import DEFAULT_KV
from llmscale.records import NamedTuple
from llmscale.render.report import Report
from llmscale.render.report import legible as legible_report
from llmscale.render.translated import translated
from llmscale.render.words import Words
from llmscale.units import parse_count


class Asking(NamedTuple):
    """A question as it stands on the screen: texts, as they were typed or picked; empty for what is usual."""

    model: str
    quant: str = ""
    context: str = ""
    kv_dtype: str = ""
    runtime: str = ""
    users: str = ""
    gpus: tuple[str, ...] = ()

    def command(self) -> str:
        """What to type for the same answer."""
        said = {
            "-q": self.quant,
            "-c": self.context,
            "--kv-dtype": self.kv_dtype,
            "--runtime": self.runtime,
            "--sequences": self.users,
        }
        options = [word for name, value in said.items() if value for word in (name, value)]
        return shlex.join(
            ["llmscale", "estimate", self.model, *options, *(word for gpu in self.gpus for word in ("--gpu", gpu))]
        )

    def answer(self) -> EstimateAnswer:
        """The answer that the command prints.

        Raises:
            LlmscaleError: whatever it refuses, in its words.
        """
        if not self.model:
            raise UsageError("No model is chosen.", "Choose one on the left, or type 7B.")
        return estimate(
            self.model,
            self.quant or None,
            context=self.context or None,
            sequences=parse_count(self.users, "--sequences") if self.users else None,
            kv_dtype=self.kv_dtype or DEFAULT_KV,
            runtime=self.runtime or None,
            gpus=self.gpus,
        )


class Answered(NamedTuple):
    """What a choice led to: an answer with its report, or what is wrong and what to try."""

    choice: Asking
    answer: EstimateAnswer | None = None
    report: Report = Report(())
    wrong: str = ""
    hint: str = ""


def answered(choice: Asking, say: Words) -> Answered:
    """The answer in the language of the screen; a refusal is one too."""
    try:
        found = choice.answer()
    except LlmscaleError as error:
        return Answered(choice, wrong=say.phrase(legible(error.message)), hint=say.phrase(legible_lines(error.hint)))
    except Exception as error:
        told = f"This is a defect of llmscale: {type(error).__name__}: {error}."
        return Answered(choice, wrong=say.phrase(legible(told)))
    return Answered(choice, found, translated(legible_report(found.report(say.lang)), say))

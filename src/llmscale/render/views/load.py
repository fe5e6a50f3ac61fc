"""What many users get of a server, as sentences."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.estimate import EstimateResult
from llmscale.answers.results.load import ServedLoad
from llmscale.devices.sets import counted
from llmscale.notes import Note, note
from llmscale.render.views.cells import delay, delay_range, pace, pace_range


def load_notes(result: EstimateResult) -> Iterator[Note]:
    """Of each device and format what the users get that were asked about; nothing where none were."""
    for line in result.estimates if result.users else ():
        for device in line.devices:
            named, quant = counted(device.id, device.count), line.quant.upper()
            if device.under_load:
                yield _note(device.under_load, named, quant)
            else:
                yield note("under_load_unknown", device=named, quant=quant)


def _note(found: ServedLoad, device: str, quant: str) -> Note:
    return note(
        "under_load",
        users=found.users,
        prompt=found.prompt_tokens,
        answer=found.answer_tokens,
        running=found.running,
        device=device,
        quant=quant,
        speed=pace(found.tokens_per_second).text,
        speeds=pace_range(found.tokens_per_second_range).text,
        each=pace(found.tokens_per_second_per_user).text,
        first=delay(found.first_token_seconds).text,
        firsts=delay_range(found.first_token_seconds_range).text,
        token=delay(found.token_seconds).text,
        tokens=delay_range(found.token_seconds_range).text,
        meets=found.meets,
        surely=bool(found.surely_meets),
    )

"""What holds of any placement, whatever runtime, model and devices: sums, orders, and the numbers solved for."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from llmscale.devices.sets import DeviceSet, device_set
from llmscale.errors import LlmscaleError
from llmscale.fit.bare import Bare
from llmscale.fit.largest import LONGEST, longest_context, most_sequences
from llmscale.fit.place import place
from llmscale.fit.subject import Counted, Subject, model_of
from llmscale.formats.catalogue import number_format, quant
from llmscale.runtimes.interface import Runtime, Workload
from llmscale.runtimes.placed import Placement, Verdict
from llmscale.runtimes.refusals import refuse_lacking, refuse_unread, unable, unmodelled
from llmscale.runtimes.registry import runtime
from llmscale.sources.registry import load

#: Quants of each runtime, more bits first.
QUANTS = {
    "llama.cpp": ("f16", "q8_0", "q4_k_m", "iq2_xs"),
    "ollama": ("q8_0", "q4_k_m"),
    "vllm": ("bf16", "fp8", "awq"),
    "sglang": ("bf16", "fp8", "awq"),
    "lmdeploy": ("bf16", "fp8-block", "awq"),
    "tensorrt-llm": ("bf16", "fp8", "nvfp4"),
    "ktransformers": ("bf16", "fp8-block"),
    "transformers": ("bf16", "bnb-int8", "nf4"),
    "mlx": ("bf16", "mlx-8bit", "mlx-4bit"),
    "exllama": ("exl3-8bpw", "exl3-4bpw", "exl3-3bpw"),
}
#: Dense, grouped, windowed, latent, mixed, hybrid, recurrent, encoding, seeing, and sizes alone.
MODELS = (
    *("pythia-1.4b", "llama-3.1-8b", "gemma-3-4b", "mistral-7b-v0.1", "deepseek-v2-lite", "qwen3-30b-a3b"),
    *("gpt-oss-20b", "nemotron-h-8b", "falcon-h1-0.5b", "mamba-1.4b", "bert-base", "t5-large", "qwen2.5-vl-7b"),
    *("llama-3.1-70b", "glm-4-9b", "7B", "30B-A3B"),
)
#: Each has no less of anything than the one before it.
LADDER = ("6GiB", "8GiB", "12GiB", "16GiB", "24GiB", "48GiB", "80GiB")
SETS = (
    *LADDER,
    *("rtx4090", "rtx3060-12gb", "2x rtx3090", "rtx4090 + rtx3060-12gb", "4x h100", "3x rtx3060-12gb"),
    *("6GiB + 24GiB", "2x 12GiB", "m3-max:64GB"),
)
CONTEXTS = st.sampled_from((100, 512, 2048, 4096, 5000, 16_384))
BATCHES = st.sampled_from((1, 2, 4))
EXAMPLES = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


class Question(NamedTuple):
    """One runtime, model and quant on devices."""

    runtime: Runtime
    model: Counted | Bare
    quant: str
    devices: DeviceSet
    work: Workload

    def at(self, **changes: int) -> Placement:
        return place(self.runtime, self.subject(), self.work._replace(**changes), self.devices).placed  # type: ignore[arg-type]

    def subject(self) -> Subject:
        return self.model.subject(quant(self.quant), self.runtime.info.engine or self.runtime.info.name)


@cache
def model(name: str) -> Counted | Bare:
    return model_of(load(name).known())


def asked(name: str, form: str, reference: str, devices: str, context: int, batch: int) -> Question:
    """The question; hypothesis is told to try another one where it has no answer."""
    found, one, where, chosen = runtime(name), model(reference), device_set(devices), quant(form)
    try:
        assume(unmodelled(found, where) is None and unable(chosen, where, found.info) is None)
        refuse_unread(found.info, chosen)
        refuse_lacking(found.info, one.about.family, one.about.name)
        work = Workload(one.about.context(context), batch, number_format("fp16"), chosen.activation_bytes)
        question = Question(found, one, form, where, work)
        question.at()
    except LlmscaleError:
        assume(False)
    return question


@st.composite
def questions(draw: st.DrawFn, names: tuple[str, ...] = tuple(QUANTS), sets: tuple[str, ...] = SETS) -> Question:
    name = draw(st.sampled_from(names))
    form, reference = draw(st.sampled_from(QUANTS[name])), draw(st.sampled_from(MODELS))
    return asked(name, form, reference, draw(st.sampled_from(sets)), draw(CONTEXTS), draw(BATCHES))


@EXAMPLES
@given(questions())
def test_parts_add_up_to_used_and_used_and_free_to_what_may_be_used(question: Question) -> None:
    placed = question.at()
    for usage in (*placed.devices, placed.host):
        assert usage.used == sum(part.size.value for part in usage.parts)
        assert usage.used + usage.free == usage.budget
        assert usage.least <= usage.used <= usage.most
        assert all(0 <= part.size.low <= part.size.value <= part.size.high for part in usage.parts)
    assert placed.used == sum(usage.used for usage in placed.devices)
    assert placed.total == placed.used + placed.host.used


@EXAMPLES
@given(questions(sets=LADDER[:-1]), st.data())
def test_what_fits_a_device_fits_a_larger_one(question: Question, data: st.DataObject) -> None:
    assume(question.at().fits is Verdict.YES)
    larger = data.draw(st.sampled_from(LADDER[LADDER.index(question.devices.name.replace(" ", "")) + 1 :]))
    assert question._replace(devices=device_set(larger)).at().fits is Verdict.YES


@EXAMPLES
@given(questions(), st.data())
def test_fewer_bits_fit_where_more_do(question: Question, data: st.DataObject) -> None:
    assume(question.at().fits is Verdict.YES)
    forms = QUANTS[question.runtime.info.name]
    fewer = data.draw(st.sampled_from(forms[forms.index(question.quant) :]))
    try:
        found = question._replace(quant=fewer).at()
    except LlmscaleError:  # a quant that this model is not to be had in
        return
    assert found.fits is Verdict.YES


@EXAMPLES
@given(questions(names=("llama.cpp", "vllm", "sglang", "exllama"), sets=LADDER), st.integers(1, 30_000))
def test_a_longer_context_takes_no_less(question: Question, longer: int) -> None:
    """Of transformers and MLX a longer prompt may: buffers that are not alive together differ (traced)."""
    assume(not question.model.about.sequence)
    assert question.at(context=question.work.context + longer).used >= question.at().used


@EXAMPLES
@given(questions())
def test_the_longest_context_fits_and_a_granule_more_does_not(question: Question) -> None:
    assume(not question.model.about.sequence)
    limit, runs = question.model.about.limit, question.runtime
    longest = longest_context(runs, question.subject(), question.work, question.devices, limit)
    if longest is None:
        assert question.at(context=1).spare < 0
        return
    assert question.at(context=longest).spare >= 0
    if longest < (limit or LONGEST):
        assert question.at(context=longest + runs.granularity(question.work)).spare < 0
    if limit is None or question.work.context <= limit:
        assert (question.at().spare >= 0) == (longest >= question.work.context)


@EXAMPLES
@given(questions())
def test_as_many_sequences_fit_and_one_more_does_not(question: Question) -> None:
    most = most_sequences(question.runtime, question.subject(), question.work, question.devices, 1 << 20)
    assert (most >= question.work.batch) == (question.at().spare >= 0)
    if not most:
        return
    assert question.at(batch=most).spare >= 0
    try:
        assert question.at(batch=most + 1).spare < 0 or most == 1 << 20
    except LlmscaleError:  # the runtime refuses so many
        return

"""vLLM on named devices: how the ranks are laid out, what each holds, and what is left for the cache."""

from __future__ import annotations

from typing import NamedTuple

from llmscale.answers.model import Model
from llmscale.answers.places import Placed
from llmscale.devices.device import known
from llmscale.devices.sets import DeviceSet
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.fit.largest import LONGEST, Fit
from llmscale.formats.recipe import Quant
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.interface import Options, Subject, Workload
from llmscale.runtimes.parallel.paging import request_bytes
from llmscale.runtimes.parallel.planes import planes_of
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.vllm import Card, StartPlan, Startup, VllmSettings, limits, on, planned
from llmscale.runtimes.vllm.cache import longest_context
from llmscale.runtimes.vllm.formats import kernel_of
from llmscale.runtimes.vllm.profile import HOPPER, DeviceTraits
from llmscale.runtimes.vllm.releases import release
from llmscale.runtimes.vllm.runtime import cached, settings_of

#: Compute capability of the GPUs whose modules a switch links (H100, H200, B200, B300).
LINKED = (9.0, 10.0, 10.3)
#: How the ids of cards of those GPUs end that no switch links.
CARDS = ("-pcie", "-nvl")
#: How the ids of the devices begin that have default limits of their own.
A100, GB10 = "a100", "dgx-spark"


class Served(NamedTuple):
    """A start that vLLM accepts."""

    settings: VllmSettings
    found: Startup


class Account(NamedTuple):
    """A start held against the requests that are asked for.

    Attributes:
        headroom: bytes left of a device's share, of the device with the least; negative when missing.
        total: bytes on all devices together, the requests' cache among them and not what is left over.
    """

    fits: bool
    may_fit: bool
    headroom: int
    total: int


def started(model: Model, quant: Quant, work: Workload, devices: DeviceSet) -> Served | None:
    """vLLM's start on `devices`; None where its cache is not modelled.

    Raises:
        UsageError: what vLLM refuses.
    """
    spec = model.spec
    assert spec is not None
    subject = Subject(model.shapes[0], spec, quant)
    card = card_of(devices)
    refused: UsageError | None = None
    for parallel in layouts(work.options, devices.count, spec.layers):
        settings = settings_of(subject, work, parallel)
        if cached(spec, parallel, settings.kv_bytes, settings.state_bytes) is None:
            return None
        try:
            return Served(settings, _start(spec, quant, card, settings))
        except UsageError as error:
            refused = refused or error
        except UnsupportedModelError:
            return None
    raise refused or UsageError(f"vLLM cannot lay out {spec.name} on {devices.count} devices.")


#: What many devices are held against: a start without their memory, or the refusal of it. The spec and the quant are
#: kept with it, so that no other ones take their places.
_PLANS: dict[tuple[object, ...], tuple[ModelSpec, Quant, StartPlan | UsageError]] = {}


def _start(spec: ModelSpec, quant: Quant, card: Card, settings: VllmSettings) -> Startup:
    batch = limits(card, settings)
    key = (id(spec), id(quant), card.device, batch, settings._replace(utilization=None))
    if key not in _PLANS:
        try:
            kernel = kernel_of(spec, quant, card.device, release(settings.version))
            plan: StartPlan | UsageError = planned(spec, planes_of(quant, kernel), card.device, settings, batch)
        except UsageError as error:
            plan = error
        _PLANS[key] = (spec, quant, plan)
    found = _PLANS[key][2]
    if isinstance(found, UsageError):
        raise found
    return on(found, card, settings)


def account(start: Served, work: Workload, devices: DeviceSet) -> Account:
    """Whether the requests fit.

    CUDA graphs have to find room outside vLLM's share, which on small cards is little: where the fitted size of theirs
    is more than that, it may fit or not.
    """
    found, parallel = start.found, start.settings.parallel
    asked = [work.batch * request_bytes(found.plan, stage) for stage in range(len(found.stages))]
    free = [stage.kv_cache - stage.missing - need for stage, need in zip(found.stages, asked, strict=True)]
    serves = min(free) >= 0 and found.capacity.concurrency >= work.batch
    rest = devices.visible - int(devices.visible * found.utilization)
    held = sum(stage.weights + stage.activations + stage.non_torch + stage.graphs for stage in found.stages)
    return Account(
        fits=serves and max(stage.graphs for stage in found.stages) <= rest,
        may_fit=serves,
        headroom=min(free),
        total=parallel.tensor * parallel.data * (held + sum(asked)),
    )


def served(model: Model, quant: Quant, work: Workload, devices: DeviceSet) -> Placed:
    """What vLLM does with `devices`.

    Raises:
        UsageError: what vLLM refuses.
    """
    start = started(model, quant, work, devices)
    if start is None:
        return Placed()
    found, held = start.found, account(start, work, devices)
    return Placed(
        fits=held.fits,
        may_fit=held.may_fit,
        headroom_bytes=held.headroom,
        max_context=longest(model, quant, start.settings, work.batch, devices),
        max_batch=int(found.capacity.concurrency),
        weights_bytes=max(stage.weights for stage in found.stages),
        kv_cache_bytes=min(stage.kv_cache for stage in found.stages),
        kv_cache_tokens=found.capacity.tokens,
        max_concurrency=found.capacity.concurrency,
    )


def fit_served(model: Model, quant: Quant, work: Workload, devices: DeviceSet) -> Fit | None:
    """The same as a `Fit`; None where vLLM's cache is not modelled.

    Raises:
        UsageError: what vLLM refuses.
    """
    start = started(model, quant, work, devices)
    if start is None:
        return None
    held = account(start, work, devices)
    return Fit(
        fits=held.fits,
        may_fit=held.may_fit,
        total=held.total,
        headroom=held.headroom,
        missing=devices.count * max(0, -held.headroom),
        max_context=longest(model, quant, start.settings, work.batch, devices) or None,
    )


def explain_served(model: Model, quant: Quant, work: Workload, devices: DeviceSet) -> str:
    """The sum that leaves so much for the cache, with the numbers put in; of the stage with the least left."""
    name = devices.id if devices.count == 1 else f"{devices.count}x {devices.id}"
    start = started(model, quant, work, devices)
    if start is None:
        return f"  {name}: vLLM's cache of this model is not modelled; the general rule is taken"
    found, parallel = start.found, start.settings.parallel
    tight = min(found.stages, key=lambda stage: stage.kv_cache - stage.missing)
    tokens = "" if found.capacity.tokens is None else f"{found.capacity.tokens:,} tokens, "
    return (
        f"  {name}: vLLM {start.settings.version}, tensor {parallel.tensor} x pipeline {parallel.pipeline} x data "
        f"{parallel.data}, a step of {found.batch.tokens:,} tokens and {found.batch.sequences:,} sequences; on each "
        f"device {devices.visible:,} x {found.utilization:g} - {tight.weights:,} weights - {tight.activations:,} "
        f"activations - {tight.non_torch:,} outside PyTorch = {tight.kv_cache - tight.missing:,} bytes = {tokens}"
        f"{found.capacity.concurrency:,.1f} requests of {work.context:,}; {tight.graphs:,} bytes of CUDA graphs lie "
        "outside that share (modelled)"
    )


def card_of(devices: DeviceSet) -> Card:
    """One device as vLLM sees it; a bare size is taken for an H100, unlike devices for the oldest of them."""
    ids = [member.id for member in devices.members] or [devices.id]
    capabilities = [device.compute_capability or 0 for device in map(known, ids) if device]
    oldest = min(capabilities, default=HOPPER)
    linked = oldest in LINKED and not any(name.endswith(CARDS) for name in ids)
    device = DeviceTraits(capability=oldest, linked=linked)
    return Card(devices.visible, device, devices.id.startswith(A100), devices.id.startswith(GB10))


def layouts(options: Options, count: int, layers: int) -> list[Parallel]:
    """How the ranks may be laid out on `count` devices, best first.

    What is named holds. Without ``--tp`` and ``--pp`` the devices are all ranks of one tensor; where vLLM refuses that,
    of the largest that it accepts, and the rest are pipeline stages.

    Raises:
        UsageError: more ranks than devices.
    """
    data, experts = options.dp or 1, bool(options.ep)
    ranks = (options.tp or 1) * (options.pp or 1) * data
    if ranks > count:
        raise UsageError(
            f"--tp, --pp and --dp ask for {ranks} devices, and {count} are named.", f"For example --gpu '{ranks}x ...'."
        )
    if options.tp:
        return [Parallel(options.tp, options.pp or 1, data, experts)]
    each = count // data
    if options.pp:
        return [Parallel(tensor, options.pp, data, experts) for tensor in range(each // options.pp, 0, -1)]
    return [
        Parallel(tensor, each // tensor, data, experts)
        for tensor in range(each, 0, -1)
        if each % tensor == 0 and each // tensor <= max(1, layers)
    ]


def longest(model: Model, quant: Quant, settings: VllmSettings, batch: int, devices: DeviceSet) -> int:
    """The longest context up to the model's limit of which `batch` requests fit at once, 0 for none.

    What the profile run takes at the limit is counted, which below 8,192 tokens is more than MLA needs.
    """
    spec, limit = model.spec, model.limit or LONGEST
    assert spec is not None
    found = _start(spec, quant, card_of(devices), settings._replace(context=limit))
    of = cached(spec, settings.parallel, settings.kv_bytes, settings.state_bytes)
    assert of is not None
    available = [stage.kv_cache // batch if not stage.missing else -1 for stage in found.stages]
    rules = release(settings.version)
    return longest_context(available, spec, list(of), limit, found.batch, rules, settings.parallel)

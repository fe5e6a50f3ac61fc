"""A model that is about to be put on devices: its layers' weights, what each device has, and what the options say.

Options as in llama.cpp's common/arg.cpp: ``-ngl``, ``--n-cpu-moe``, ``--cpu-moe``, ``--tensor-split``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from llmscale.devices.device import known as known_device
from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.quantity import Basis
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.asked import settings_of
from llmscale.runtimes.llama_cpp.companions import companions
from llmscale.runtimes.llama_cpp.facts import ModelFacts
from llmscale.runtimes.llama_cpp.info import ALL, AUTO, CUDA, METAL, ROCM, SYCL, VULKAN
from llmscale.runtimes.llama_cpp.memory import Held, LayerWeights, held, layer_sizes, layer_weights, streamed_types
from llmscale.runtimes.llama_cpp.overrides import layers_in_ram
from llmscale.runtimes.llama_cpp.process import MIDDLE, fixed, further, pool
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings, Offload
from llmscale.runtimes.llama_cpp.simulate import activations, facts, refuse
from llmscale.runtimes.subject import Exact

#: Ways to share that are not modelled.
UNMODELLED = ("row", "tensor")
#: Backends that are not CUDA's code, by the vendor whose devices they are for (docs/build.md of llama.cpp).
BACKENDS = {"Apple": METAL, "Intel": SYCL}


class Load(NamedTuple):
    """A model that is about to be put on devices.

    Attributes:
        budgets: bytes of each device.
        process: bytes of each device that the process takes besides what it loads.
        beside: bytes of each device by the companions there, with what they are called.
        offload: all layers on the devices.
    """

    subject: Exact
    facts: ModelFacts
    settings: LlamaCppSettings
    weights: LayerWeights
    budgets: tuple[int, ...]
    process: tuple[int, ...]
    beside: tuple[tuple[str, tuple[int, ...]], ...]
    offload: Offload
    basis: Basis

    @property
    def layers(self) -> int:
        """Layers and the output."""
        return len(self.facts.layers) + 1

    def held(self, offload: Offload) -> tuple[Held, ...]:
        """What each device holds, the host last."""
        return held_of(self.subject, self.settings, offload)

    def spare(self, offload: Offload) -> int:
        """Bytes that are left on the device that has the least left; negative when they are missing."""
        return min(self._left([held.total for held in self.held(offload)[:-1]]))

    def may_fit(self, offload: Offload) -> bool:
        """Whether it may fit, as it does without compute buffers: asked first, since those are simulated."""
        without = held_of(self.subject, self.settings, offload, computes=False)
        return min(self._left([one.total for one in without[:-1]])) >= 0

    def fits(self, offload: Offload) -> bool:
        """Whether no device holds more than it has."""
        return self.may_fit(offload) and self.spare(offload) >= 0

    def rooms(self, offload: Offload) -> list[int]:
        """Bytes of each device for layers: what its compute buffer and all that lies beside leave."""
        return self._left([held.compute for held in self.held(offload)[:-1]])

    def _left(self, taken: Sequence[int]) -> list[int]:
        besides = [sum(sizes) for sizes in zip(self.process, *(sizes for _, sizes in self.beside), strict=True)]
        return [int(b - p - t) for b, p, t in zip(self.budgets, besides, taken, strict=True)]

    def sizes(self, offload: Offload) -> list[int]:
        """Bytes of each layer on a device, of its cache and state too, and last of the output."""
        return layer_sizes(self.facts, self.settings, self.weights, offload)


@lru_cache(maxsize=256)
def weights_by_layer(subject: Exact) -> LayerWeights:
    """The weights of `subject` by layer, once for all contexts and devices."""
    return layer_weights(subject.stored, len(facts(subject.spec).layers))


@lru_cache(maxsize=1024)
def held_of(subject: Exact, settings: LlamaCppSettings, offload: Offload, *, computes: bool = True) -> tuple[Held, ...]:
    """See `held`; once for all devices, since what they hold depends on how many there are and not on their sizes."""
    return tuple(held(facts(subject.spec), settings, weights_by_layer(subject), offload, computes=computes))


@lru_cache(maxsize=256)
def types_by_shape(subject: Exact) -> tuple[tuple[tuple[int, ...], str], ...]:
    """The types of what may be streamed to a device."""
    return streamed_types(subject.stored)


def load_of(subject: Exact, work: Workload, devices: DeviceSet, margin: int = 0) -> Load:
    """What is to be put on `devices`.

    Args:
        margin: bytes that are to stay free on each of them.

    Raises:
        UsageError, UnsupportedModelError: what llama.cpp refuses.
    """
    known, settings = facts(subject.spec), settings_of(work)
    refuse(subject.spec, settings)
    if backend_of(work, devices) not in (CUDA, ROCM):
        settings = settings._replace(reserves_f16=False)
    budgets = tuple(budget - margin for budget in devices.budgets)
    tokens = min(settings.n_ctx, settings.n_ubatch)
    usual = fixed(MIDDLE) + pool(activations(known), tokens)
    alike, main = not devices.members, main_device(work, devices.count)
    used = [main is None or number == main for number in range(devices.count)]
    # Of unlike devices each gets layers by its free memory, as llama.cpp does by default.
    shares = tensor_split(work, devices) or (() if alike else tuple(map(float, devices.budgets)))
    return Load(
        subject=subject,
        facts=known,
        settings=settings,
        weights=weights_by_layer(subject),
        budgets=budgets,
        process=tuple((usual + more) * here for more, here in zip(further(devices), used, strict=True)),
        beside=tuple(
            (other.kind, tuple(other.on_devices(work, devices.budgets, alike))) for other in companions(subject, work)
        ),
        offload=Offload(
            devices=devices.count,
            split=tuple(map(float, used)) if main is not None else shares,
            pipeline=main is None,
            cuda=work.option("backend") in (None, CUDA, ROCM),
            vulkan=work.option("backend") == VULKAN,
            streamed=types_by_shape(subject),
        ),
        basis=Basis.MODELLED if subject.basis is Basis.EXACT else subject.basis,
    )


def backend_of(work: Workload, devices: DeviceSet) -> str:
    """What computes: as it is named, else what the vendor's devices are run by; ROCm is CUDA's code."""
    vendors = [one.vendor for one in map(known_device, devices.ids) if one]
    return work.option("backend") or next((BACKENDS[vendor] for vendor in vendors if vendor in BACKENDS), CUDA)


def gpu_layers(work: Workload) -> int | None:
    """What ``--gpu-layers`` says: a number, None for all and for as many as fit.

    Raises:
        UsageError: none of these.
    """
    text = work.option("gpu_layers") or AUTO
    if text in (AUTO, ALL):
        return None
    if not text.isdecimal() or len(text) > 9:
        raise UsageError(
            f"--gpu-layers '{text[:40]}' is not a number of layers.", "A number, all, or auto (the default)."
        )
    return int(text)


def experts_in_ram(subject: Exact, load: Load, work: Workload) -> Offload | None:
    """All layers on devices, less the experts that the options keep in host memory; None where they keep none there.

    Raises:
        UsageError: as `layers_in_ram`.
    """
    number: int | None = load.layers if work.option("cpu_moe") else work.option("n_cpu_moe")
    rules = work.option("override_tensor")
    if number is None and not rules:
        return None
    named = layers_in_ram(subject, rules) if rules else ()
    return load.offload._replace(cpu_moe=number or 0, cpu_experts=named)


def main_device(work: Workload, devices: int) -> int | None:
    """The only device that gets anything (``--split-mode none``); None where all of them do.

    Raises:
        UsageError: a mode whose memory is not modelled, a device that is not there.
    """
    mode, main = work.option("split_mode"), work.option("main_gpu")
    if mode in UNMODELLED:
        raise UsageError(
            f"--split-mode {mode} cuts every matrix over the devices, which is not modelled for llama.cpp.",
            "layer (the default) or none are; vLLM cuts matrices as well.",
        )
    if main is not None and main >= devices:
        raise UsageError(f"--main-gpu {main} is not there: devices 0 to {devices - 1} are.")
    return (main or 0) if mode == "none" else None


def dealt_by_name(work: Workload) -> bool:
    """Whether the options say what each device gets."""
    return bool(work.option("tensor_split")) or work.option("split_mode") == "none"


def tensor_split(work: Workload, devices: DeviceSet | None = None) -> tuple[float, ...]:
    """The shares of the layers that ``--tensor-split`` gives to each device; empty where it is not said.

    Raises:
        UsageError: no numbers, or not one for each of `devices`.
    """
    text: str = work.option("tensor_split") or ""
    if not text:
        return ()
    shares = [float(part) if _SHARE.fullmatch(part) else -1.0 for part in text.replace("/", ",").split(",")]
    if min(shares) < 0 or not sum(shares):
        raise UsageError(f"--tensor-split '{text[:40]}' is no list of shares.", "For example --tensor-split 3,1.")
    if devices is not None and not devices.unnamed and len(shares) != devices.count:
        raise UsageError(
            f"--tensor-split names {len(shares)} shares, and there are {devices.count} devices.",
            "One share a device, for example --tensor-split 3,1.",
        )
    return tuple(shares)


_SHARE = re.compile(r"\d{1,9}(\.\d{1,9})?")

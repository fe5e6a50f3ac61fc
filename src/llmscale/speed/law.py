"""The law of speed: a step takes as long as its bytes, or its FLOPs, and what the runtime adds per kernel.

    decode step  = max((weights x W + cache x B K + state x B S) / bandwidth + launch x matrices
                       + min(unpack x B F/shaders, unpack x F/shaders + compute x B F/flops), compute x B F/flops)
    prefill      = one pass over the weights per chunk + (compute x F + experts x E + attention x A)/flops
                   + scan x tokens x S/bandwidth
    tokens/s     = B / sum of the steps of all devices that the layers lie on

W, K, S: bytes of weights, KV cache and recurrent state; F, E, A: FLOPs with the weights, with routed experts, of
attention (see `load`). Quantised weights are unpacked and multiplied on the shaders while a few tokens are decoded,
which shows where those are slow for their memory: on old cards, and on cards with HBM. The factors are at least 1, so
that no answer beats the roofline; they, unpacking and the launch time are fitted (`benchmarks/fit_speed.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from llmscale.records import NamedTuple
from llmscale.speed.load import Load, PromptFlops

#: An all-reduce after the attention and one after the feed-forward part of each layer.
REDUCES = 2
#: Bytes of an exchanged activation.
ACTIVATION_BYTES = 2


class Factors(NamedTuple):
    """What a runtime makes of a device; times are in seconds, factors say how many times the ideal time it takes.

    Attributes:
        weights: reading weights, against the bandwidth of the datasheet.
        cache: reading the KV cache, the same way.
        state: reading and writing recurrent state.
        unpack: multiplying with the weights of one token, against the FP32 FLOPs of the shaders; it adds to reading.
        launch: per weight matrix.
        hop: per device that a layer split adds.
        reduce: per all-reduce of tensor parallelism.
        compute: multiplying with weights, against the dense FLOPs of the datasheet; None where nothing was measured.
        experts: multiplying with routed experts in prefill, the same way; None: as `compute`.
        attention: scores and sums of prefill, the same way; None: as `compute`.
        scan: recurrent state in prefill, against reading and writing it once a token.
        device: this very device against its class.
    """

    weights: float = 1.0
    cache: float = 1.0
    state: float = 1.0
    unpack: float = 0.0
    launch: float = 0.0
    hop: float = 0.0
    reduce: float = 0.0
    compute: float | None = None
    experts: float | None = None
    attention: float | None = None
    scan: float = 0.0
    device: float = 1.0


class Machine(NamedTuple):
    """Devices that hold one part of a model together.

    Attributes:
        bandwidth: memory, bytes per second.
        flops: dense FLOPs per second; None when not known.
        shaders: FP32 FLOPs per second outside matrix cores; None leaves out what they take.
        factors: see `Factors`.
        devices: how many split each matrix among them (tensor parallelism).
        link: bytes per second between two of them, one way; None leaves the exchange at its latency.
    """

    bandwidth: float
    flops: float | None
    factors: Factors
    devices: int = 1
    link: float | None = None
    shaders: float | None = None


class Part(NamedTuple):
    """Some of the layers, and where they lie."""

    load: Load
    machine: Machine


def decode_seconds(parts: Sequence[Part], batch: int = 1) -> float:
    """Time of one decode step of `batch` sequences; parts run one after another."""
    hops = sum(part.machine.factors.hop for part in parts[1:])
    return sum(_step(part, batch) for part in parts) + hops


def tokens_per_second(parts: Sequence[Part], batch: int = 1) -> float:
    """Decode rate of all sequences together."""
    return batch / decode_seconds(parts, batch)


def roofline(parts: Sequence[Part], batch: int = 1) -> float:
    """The tokens per second that no runtime can exceed: every byte once at full bandwidth, every FLOP at full rate.

    That rate is the datasheet's, or what was measured where that is more.
    """
    return batch / sum(_ideal(part, batch) for part in parts)


def prefill_seconds(parts: Sequence[Part], flops: PromptFlops, tokens: float, chunk: float) -> float | None:
    """Time to the first token of one prompt of so many `tokens`, at most `chunk` of them in a pass.

    None when a part's FLOPs per second, or what the runtime makes of them, is not known.
    """
    computing = prompt_seconds(parts, flops, tokens)
    if computing is None:
        return None
    times, together = passes(tokens, chunk)
    # The past that a pass reads, and the FLOPs, are counted for the whole prompt.
    bare = [part._replace(load=part.load._replace(cache_bytes=0.0, state_bytes=0.0, flops=0.0)) for part in parts]
    return computing + sum(times * _read(part, together) for part in bare)


def prompt_seconds(parts: Sequence[Part], flops: PromptFlops, tokens: float) -> float | None:
    """What computing a prompt takes besides the passes over the weights; None as in `prefill_seconds`."""
    seconds = 0.0
    whole = sum(part.load.flops for part in parts)
    for part in parts:
        machine, factors = part.machine, part.machine.factors
        if machine.flops is None or factors.compute is None:
            return None
        experts = factors.compute if factors.experts is None else factors.experts
        attention = factors.compute if factors.attention is None else factors.attention
        rate = machine.flops * machine.devices * whole / part.load.flops
        seconds += (factors.compute * flops.weights + experts * flops.experts + attention * flops.attention) / rate
        seconds += factors.scan * tokens * part.load.state_bytes / machine.bandwidth / machine.devices
    return seconds


def exchange_seconds(parts: Sequence[Part], tokens: float) -> float:
    """What so many tokens of a prompt move between the devices that share every matrix."""
    return sum(_moving(part.load, part.machine, tokens) * REDUCES * part.load.layers for part in parts)


def passes(tokens: float, chunk: float) -> tuple[int, int]:
    """How often a prompt of so many tokens passes the weights, and how many of them together."""
    return max(1, ceil(tokens / chunk)), max(1, round(min(tokens, chunk)))


def _step(part: Part, batch: int) -> float:
    seconds, machine = _read(part, batch), part.machine
    if machine.flops is None or machine.factors.compute is None:
        return seconds
    return max(seconds, machine.factors.compute * batch * part.load.flops / machine.flops / machine.devices)


def _read(part: Part, batch: int) -> float:
    """One pass over the weights and the past; this very device's correction does not lift it above the roofline."""
    return max(part.machine.factors.device * _passes(*part, batch), _ideal(part, batch))


def _passes(load: Load, machine: Machine, batch: int) -> float:
    factors = machine.factors
    own = factors.cache * load.cache_bytes + factors.state * load.state_bytes
    read = (factors.weights * load.step_bytes(batch) + batch * own) / machine.bandwidth
    return (
        (read + _unpacking(load, machine, batch)) / machine.devices
        + factors.launch * load.matrices
        + _exchange(load, machine, batch)
    )


def _unpacking(load: Load, machine: Machine, batch: int) -> float:
    """What the shaders take besides reading: each token multiplies there, until matrix cores do it in less."""
    if not machine.shaders:
        return 0.0
    once = machine.factors.unpack * load.flops / machine.shaders
    if machine.flops is None or machine.factors.compute is None:
        return once * batch
    return min(once * batch, once + machine.factors.compute * batch * load.flops / machine.flops)


def _exchange(load: Load, machine: Machine, batch: int) -> float:
    """All-reduces of tensor parallelism: their latency, and what a ring moves over each link."""
    if machine.devices == 1:
        return 0.0
    return REDUCES * load.layers * (machine.factors.reduce + _moving(load, machine, batch))


def _moving(load: Load, machine: Machine, tokens: float) -> float:
    """Seconds that one all-reduce of so many tokens takes besides its latency."""
    moved = 2 * (machine.devices - 1) / machine.devices * tokens * load.hidden * ACTIVATION_BYTES
    return moved / machine.link if machine.link else 0.0


def _ideal(part: Part, batch: int) -> float:
    load, machine = part
    read = (load.step_bytes(batch) + batch * (load.cache_bytes + load.state_bytes)) / machine.bandwidth
    # Quantised weights are multiplied in INT8, which can be faster than the datasheet's FP16.
    fastest = min(1.0, machine.factors.compute or 1.0)
    compute = fastest * batch * load.flops / machine.flops if machine.flops else 0.0
    return max(read, compute) / machine.devices

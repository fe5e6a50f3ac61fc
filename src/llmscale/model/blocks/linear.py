"""A linear map and its bias, the piece that all other blocks are made of."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.spec import Tensor
from llmscale.records import dataclass


def linear(name: str, role: str, out: int, in_: int, bias: bool = False, transposed: bool = False) -> Iterator[Tensor]:
    """``y = Wx + b``: W is (out, in), or (in, out) as GPT-2's ``Conv1D`` stores it; b is (out)."""
    yield Tensor(f"{name}.weight", role, (in_, out) if transposed else (out, in_), transposed=transposed)
    if bias:
        yield Tensor(f"{name}.bias", role, (out,))


@dataclass(frozen=True)
class Linear:
    """A projection that stands alone: a pooler, a classifier, an embedding projection."""

    role: str
    out: int
    in_: int
    bias: bool = False

    def tensors(self) -> Iterator[Tensor]:
        for tensor in linear("", self.role, self.out, self.in_, self.bias):
            yield Tensor(tensor.name.lstrip("."), tensor.role, tensor.shape)

    def cache(self) -> None:
        return None


@dataclass(frozen=True)
class ClippedLinear:
    """A projection without bias between two clamps, whose four bounds are published with it (Gemma 4's towers)."""

    role: str
    out: int
    in_: int
    clipped: bool

    def tensors(self) -> Iterator[Tensor]:
        yield from linear("linear", self.role, self.out, self.in_)
        if self.clipped:
            for bound in ("input_min", "input_max", "output_min", "output_max"):
                yield Tensor(bound, self.role, ())

    def cache(self) -> None:
        return None


@dataclass(frozen=True)
class Parameter:
    """A bare learned tensor: a class token, a bias vector, a scale."""

    role: str
    shape: tuple[int, ...]

    def tensors(self) -> Iterator[Tensor]:
        yield Tensor("", self.role, self.shape)

    def cache(self) -> None:
        return None

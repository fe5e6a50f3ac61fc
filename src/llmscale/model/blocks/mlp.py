"""Feed-forward blocks: plain, gated (Shazeer 2020) and mixtures of experts.

Sources: Vaswani et al. 2017; GLU variants, arXiv:2002.05202; Mixtral, arXiv:2401.04088;
DeepSeekMoE, arXiv:2401.06066 (shared experts); DeepSeek-V3, arXiv:2412.19437 (correction bias).
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.linear import linear
from llmscale.model.spec import Tensor
from llmscale.records import dataclass

#: How LLaMA and most since name the three matrices.
GATE_UP_DOWN = ("gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Mlp:
    """Two matrices with an activation between: ``down(act(up(x)))``."""

    hidden: int
    intermediate: int
    names: tuple[str, str] = ("up_proj", "down_proj")
    bias: bool = False
    transposed: bool = False
    component: str = "mlp"

    def tensors(self) -> Iterator[Tensor]:
        up, down = self.names
        yield from linear(up, f"{self.component}.up", self.intermediate, self.hidden, self.bias, self.transposed)
        yield from linear(down, f"{self.component}.down", self.hidden, self.intermediate, self.bias, self.transposed)

    def cache(self) -> None:
        return None


@dataclass(frozen=True)
class GatedMlp:
    """Three matrices: ``down(act(gate(x)) * up(x))``; `names` of two when gate and up are stored fused."""

    hidden: int
    intermediate: int
    names: tuple[str, ...] = GATE_UP_DOWN
    bias: bool = False
    component: str = "mlp"

    def tensors(self) -> Iterator[Tensor]:
        d, ff, part = self.hidden, self.intermediate, self.component
        if len(self.names) == 2:
            yield from linear(self.names[0], f"{part}.gate_up", 2 * ff, d, self.bias)
        else:
            yield from linear(self.names[0], f"{part}.gate", ff, d, self.bias)
            yield from linear(self.names[1], f"{part}.up", ff, d, self.bias)
        yield from linear(self.names[-1], f"{part}.down", d, ff, self.bias)

    def cache(self) -> None:
        return None


@dataclass(frozen=True)
class MixtureOfExperts:
    """A router that sends each token to `used` of `experts` gated MLPs, and MLPs that every token takes.

    Attributes:
        intermediate: width of one routed expert.
        shared: width of the shared expert(s) together; 0 for none.
        router: name of the router's matrix (experts, hidden).
        correction_bias: name of the router's load-balancing bias (experts), None when it has none.
        shared_gate: name of a gate (1, hidden) that scales the shared expert (Qwen2-MoE), None when there is none.
        expert_names: gate, up, down of one expert (Mixtral: w1, w3, w2).
        bias: whether every matrix of an expert carries a bias.
        shared_bias: whether those of the shared expert do all the same.
        gated: whether routed and shared experts are gated MLPs; plain ones when not (Nemotron).
        idle: experts without weights that the router chooses among too (LongCat's identity experts).
        latent: width that routed experts work in, between two projections that all share; None for `hidden`.
        latent_names: those projections.
    """

    hidden: int
    intermediate: int
    experts: int
    used: int
    shared: int = 0
    router: str = "gate"
    correction_bias: str | None = None
    shared_name: str = "shared_experts"
    shared_gate: str | None = None
    expert_names: tuple[str, ...] = GATE_UP_DOWN
    bias: bool = False
    shared_bias: bool = False
    gated: bool = True
    idle: int = 0
    latent: int | None = None
    latent_names: tuple[str, str] = ("fc1_latent_proj", "fc2_latent_proj")

    @property
    def widest(self) -> int:
        """Elements of one token's activation: those of its experts and of the shared ones side by side."""
        return self.used * self.intermediate + self.shared

    def _expert(
        self, hidden: int, intermediate: int, names: tuple[str, ...], component: str, bias: bool
    ) -> GatedMlp | Mlp:
        if self.gated:
            return GatedMlp(hidden, intermediate, names, bias, component)
        return Mlp(hidden, intermediate, bias=bias, component=component)

    def tensors(self) -> Iterator[Tensor]:
        yield from linear(self.router, "router.weight", self.experts + self.idle, self.hidden)
        if self.correction_bias:
            yield Tensor(self.correction_bias, "router.correction_bias", (self.experts + self.idle,))
        if self.latent:
            yield from linear(self.latent_names[0], "experts.latent", self.latent, self.hidden, self.bias)
        expert = self._expert(self.latent or self.hidden, self.intermediate, self.expert_names, "experts", self.bias)
        for t in expert.tensors():
            yield t._replace(name=f"experts.{{expert}}.{t.name}", experts=self.experts, experts_used=self.used)
        if self.latent:
            yield from linear(self.latent_names[1], "experts.latent", self.hidden, self.latent, self.bias)
        if self.shared:
            bias = self.bias or self.shared_bias
            shared = self._expert(self.hidden, self.shared, GATE_UP_DOWN, "shared_experts", bias)
            for t in shared.tensors():
                yield t._replace(name=f"{self.shared_name}.{t.name}")
        if self.shared_gate:
            yield from linear(self.shared_gate, "router.shared_gate", 1, self.hidden)

    def cache(self) -> None:
        return None


@dataclass(frozen=True)
class StackedExperts:
    """gpt-oss's mixture: all experts in one tensor, gate and up interleaved, biases on all and on the router."""

    hidden: int
    intermediate: int
    experts: int
    used: int

    def tensors(self) -> Iterator[Tensor]:
        d, ff, count, used = self.hidden, self.intermediate, self.experts, self.used
        yield from linear("router", "router.weight", count, d, bias=True)
        yield Tensor("experts.gate_up_proj", "experts.gate_up", (d, 2 * ff), count, used, transposed=True)
        yield Tensor("experts.gate_up_proj_bias", "experts.gate_up", (2 * ff,), count, used)
        yield Tensor("experts.down_proj", "experts.down", (ff, d), count, used, transposed=True)
        yield Tensor("experts.down_proj_bias", "experts.down", (d,), count, used)

    def cache(self) -> None:
        return None


@dataclass(frozen=True)
class MergedExperts:
    """Gemma 4's mixture: all experts in one tensor, no biases; the router scales its input and each expert's output."""

    hidden: int
    intermediate: int
    experts: int
    used: int

    def tensors(self) -> Iterator[Tensor]:
        d, ff, count, used = self.hidden, self.intermediate, self.experts, self.used
        yield Tensor("router.scale", "router.scale", (d,))
        yield from linear("router.proj", "router.weight", count, d)
        yield Tensor("router.per_expert_scale", "router.expert_scale", (count,))
        yield Tensor("experts.gate_up_proj", "experts.gate_up", (2 * ff, d), count, used)
        yield Tensor("experts.down_proj", "experts.down", (d, ff), count, used)

    def cache(self) -> None:
        return None


@dataclass(frozen=True)
class PackedExperts:
    """A router and experts of which the checkpoint holds all in one tensor a matrix: (experts, rows, columns).

    Attributes:
        matrices: name, part (``gate_up``) and (rows, columns) of each.
        router: name of the router's matrix (experts, hidden).
        component: ``attention`` for experts that are not MLPs but projections of queries (JetMoE).
        transposed: the parts that are stored as (inputs, outputs).
    """

    hidden: int
    experts: int
    used: int
    matrices: tuple[tuple[str, str, tuple[int, int]], ...]
    router: str = "router"
    component: str = "experts"
    transposed: tuple[str, ...] = ()

    def tensors(self) -> Iterator[Tensor]:
        yield from linear(self.router, "router.weight", self.experts, self.hidden)
        for name, part, shape in self.matrices:
            role, turned = f"{self.component}.{part}", part in self.transposed
            yield Tensor(name, role, shape, self.experts, self.used, transposed=turned)

    def cache(self) -> None:
        return None

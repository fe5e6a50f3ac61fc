"""``needs --users``: which devices, in which layout and format, serve so many users fast enough, cheapest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmscale.answers.load import LoadAsked, served_load, server
from llmscale.answers.needs import MOST_ROWS, beyond
from llmscale.answers.needs_devices import COUNTS, filtered, kinds_of
from llmscale.answers.needs_enough import ALONE
from llmscale.answers.placed import Laid
from llmscale.answers.question import quants_of, question, reserve_bytes
from llmscale.answers.results.common import LossRef, SizedModelRef, model_ref
from llmscale.answers.results.load import ServedLoad
from llmscale.answers.results.needs_load import NeedsLoadResult, ServingDevices
from llmscale.answers.train_compute import newest_prices
from llmscale.devices.device import Device
from llmscale.devices.device import entries as every_device
from llmscale.devices.sets import set_of
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.fit.choose import answer, available, choices
from llmscale.fit.pace import moved
from llmscale.fit.question import DEFAULT_KV, Question
from llmscale.fit.subject import Model, model_of
from llmscale.fit.under_load import held
from llmscale.formats.recipe import Quant
from llmscale.records import NamedTuple
from llmscale.sources.registry import load as find_model
from llmscale.units import GIB


def needs_load(
    reference: str,
    load: LoadAsked,
    quants: Sequence[str] = (),
    *,
    kv_dtype: str = DEFAULT_KV,
    reserve: str | None = None,
    quant_map: str | None = None,
    sparsity: str | None = None,
    runtime: str | None = None,
    options: Mapping[str, Any] | None = None,
    max_count: int | None = None,
    max_price: float | None = None,
    kinds: Sequence[str] = (),
    everything: bool = False,
    catalogue: str | None = None,
) -> NeedsLoadResult:
    """Which devices serve the users of `load` fast enough, cheapest first; of each the fewest, in the best format.

    Args:
        runtime: the one that is at home in data centres where none is named.
        max_count: devices together; they share every matrix, or are servers of their own, whichever is enough.
        others: as in `needs`.

    Raises:
        UsageError: bounds that cannot be.
        UnsupportedModelError: a model or format that nobody serves.
    """
    most = COUNTS[-1] if max_count is None else max_count
    wanted, serving = filtered(kinds, max_price, most), runtime or server()
    asked = question(load.users.context, load.users.number, kv_dtype, serving, options, catalogue)
    loaded = find_model(reference, catalogue=catalogue)
    model = model_of(loaded.known(), loaded.stored, loaded.notes)
    named = quants_of(quants, loaded, serving)
    steps = available(model, choices(named, serving, quant_map, sparsity, common=True), asked)
    devices = [device for device in every_device() if not wanted or wanted & kinds_of(device)]
    kept = reserve_bytes(reserve)
    search = ServingSearch(model, steps, asked, load, devices, most, kept, max_price, everything)
    return search.result(model_ref(model.about))


class _Offer(NamedTuple):
    """So many devices as so many servers of one format, before anything is placed."""

    device: Device
    cards: int
    tensor: int
    quant: Quant
    rank: int

    @property
    def replicas(self) -> int:
        """Servers."""
        return self.cards // self.tensor

    @property
    def rent(self) -> tuple[float, float] | None:
        """USD an hour of all of them, by the newest lists."""
        listed = newest_prices(self.device.id)
        if not listed:
            return None
        return min(one.low for one in listed) * self.cards, max(one.high for one in listed) * self.cards

    @property
    def price(self) -> float | None:
        """What all of them cost at launch."""
        return self.device.price_usd * self.cards if self.device.price_usd else None

    @property
    def order(self) -> tuple[float, float, float, int, str, int]:
        """Rent, price, memory; then the better format."""
        memory, rent = self.device.memory * self.cards / GIB, self.rent
        hourly = sum(rent) / 2 if rent else float("inf")
        return hourly, self.price or float("inf"), memory, self.cards, self.device.id, self.rank


class _Found(NamedTuple):
    offer: _Offer
    runtime: str
    release: str
    served: ServedLoad

    def miss(self, load: LoadAsked) -> float:
        """How many times a target it takes at worst; that all users run at once is one where no first token is."""
        served = self.served
        first = served.first_token_seconds / load.ttft if load.ttft else served.users / served.running
        return max(first, served.token_seconds / load.tpot if load.tpot else 0.0)

    def line(self, model: str) -> ServingDevices:
        offer = self.offer
        return ServingDevices(
            id=offer.device.id,
            name=offer.device.name,
            kind=offer.device.kind,
            count=offer.cards,
            tensor_parallel=offer.tensor,
            replicas=offer.replicas,
            memory_bytes=offer.device.memory * offer.cards,
            quant=offer.quant.id,
            runtime=self.runtime,
            release=self.release,
            loss=LossRef.of(offer.quant.id, model),
            price_usd=offer.price,
            usd_per_hour=offer.rent,
            under_load=self.served,
        )


class ServingSearch(NamedTuple):
    """What is looked for: a model in one of `steps`, best first, for users, on some of `devices`."""

    model: Model
    steps: Sequence[Quant]
    asked: Question
    load: LoadAsked
    devices: Sequence[Device]
    most: int
    reserve: int | None
    max_price: float | None
    everything: bool

    def result(self, named: SizedModelRef) -> NeedsLoadResult:
        """The devices that meet the targets, the fewest of each; with `everything` every layout that does."""
        offers = sorted(self._offers(), key=lambda offer: offer.order)
        found: list[_Found] = []
        nearest: _Found | None = None
        seen: dict[str, int] = {}
        for offer in offers:
            if not self.everything and (seen.get(offer.device.id, offer.cards) < offer.cards or len(seen) > MOST_ROWS):
                continue
            one = self._served(offer)
            if one is None:
                continue
            if one.miss(self.load) <= 1:
                found.append(one)
                seen.setdefault(offer.device.id, offer.cards)
            elif nearest is None or one.miss(self.load) < nearest.miss(self.load):
                nearest = one
        rows = found if self.everything else _best(found)[:MOST_ROWS]
        users = self.load.users
        return NeedsLoadResult(
            model=named,
            quants=tuple(quant.id for quant in self.steps),
            users=users.number,
            prompt_tokens=users.prompt,
            answer_tokens=users.answer,
            ttft=self.load.ttft,
            tpot=self.load.tpot,
            devices=tuple(one.line(named.id) for one in rows),
            nearest=nearest.line(named.id) if nearest and not rows else None,
            more=len(seen) > len(rows) and not self.everything,
            notes=(*beyond(self.load.users.context, self.model.about), held()),
        )

    def _offers(self) -> Iterator[_Offer]:
        for device in self.devices:
            for count in _powers(1 if device.kind in ALONE else self.most):
                for rank, quant in enumerate(self.steps):
                    for tensor in _powers(count):
                        offer = _Offer(device, count, tensor, quant, rank)
                        dear = self.max_price is not None and not (offer.price and offer.price <= self.max_price)
                        if not dear and self.model.on_devices(quant) < device.memory * tensor:
                            yield offer

    def _served(self, offer: _Offer) -> _Found | None:
        """What its users get; None where it has no room, is refused, or has no speed."""
        load = self.load.among(offer.replicas)
        devices = set_of(offer.device, offer.tensor, self.reserve)
        asked = self.asked._replace(batch=load.users.number)
        try:
            chosen = answer(self.model, offer.quant, devices, asked)
        except (UsageError, UnsupportedModelError):
            return None
        runtime = chosen.runtime
        one = Laid(runtime, chosen.subject, chosen.asked, chosen.settled, devices, None)
        served = served_load(one, moved(chosen.subject), self.load, offer.replicas)
        return _Found(offer, runtime.info.name, runtime.release, served) if served else None


def _powers(most: int) -> Iterator[int]:
    count = 1
    while count <= most:
        yield count
        count *= 2


def _best(found: Sequence[_Found]) -> list[_Found]:
    """Of each device the fewest, of those the best format, of that the layout that writes the most tokens a second."""
    chosen: dict[str, _Found] = {}
    for one in found:
        held = chosen.get(one.offer.device.id)
        if held is None or _order(one) < _order(held):
            chosen[one.offer.device.id] = one
    return sorted(chosen.values(), key=lambda one: one.offer.order)


def _order(one: _Found) -> tuple[int, int, float]:
    return one.offer.cards, one.offer.rank, -one.served.tokens_per_second

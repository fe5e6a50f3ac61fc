"""The bytes of a model's weights in a quant, with how they are known: counted, or by what real models of its size take.

A model whose tensors are known is counted tensor by tensor (`llmscale.formats.weights`). A bare size has no tensors to
give formats to; where every weight is in the same format that does not matter, else the real models of about that size
answer with the bits per parameter that the quant takes of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llmscale.errors import UnsupportedModelError
from llmscale.formats.catalogue import format_of
from llmscale.formats.recipe import REST, Quant
from llmscale.formats.weights import weight_bytes
from llmscale.model.inventory import Inventory
from llmscale.model.spec import ModelSpec
from llmscale.quantity import Basis, Quantity

if TYPE_CHECKING:
    from llmscale.fit.peers import Peer


def weights_of(spec: ModelSpec, parts: Inventory, quant: Quant, peers: Sequence[Peer] = ()) -> Quantity:
    """Bytes of all weights in `quant`; a range where the size or its share of each format is not certain.

    Args:
        peers: who answers for a bare size.

    Raises:
        UnsupportedModelError: the quant does not take this model, or nobody of its size can be asked.
    """
    if spec.shape_known:
        known = Basis.MODELLED if quant.estimated and spec.basis is Basis.EXACT else spec.basis
        return Quantity.exactly(weight_bytes(quant, spec, parts), known)
    total = parts.total()
    low, high = spec.parameters_range or (total, total)
    if quant.plain:
        one = format_of(quant.rules[REST])
        size, least, most = (one.size((count,)) for count in (total, low, high))
        # The weights of a bare size follow from it; a reported one is no better than its report.
        basis = Basis.EXACT if spec.basis is Basis.ASSUMED and spec.parameters_range is None else spec.basis
        return Quantity(size, least, most, basis)
    bits = sorted(found for peer in peers if (found := peer.bits(quant)))
    if not bits:
        raise UnsupportedModelError(
            f"{spec.name} is only a size: what {quant.name} makes of it depends on its tensors.",
            "Name a model or a config.json, or a plain width such as int4.",
        )
    middle = bits[(len(bits) - 1) // 2]
    value, least, most = (round(c * b / 8) for c, b in ((total, middle), (low, bits[0]), (high, bits[-1])))
    return Quantity(value, least, most, Basis.ASSUMED)


def answered(quant: Quant, peers: Sequence[Peer]) -> bool:
    """Whether a bare size has an answer in `quant`."""
    return quant.plain or any(peer.bits(quant) for peer in peers)

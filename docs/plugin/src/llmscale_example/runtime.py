"""A runtime that keeps its cache in pages; all else is the general rule's."""

from __future__ import annotations

from llmscale.quantity import Quantity
from llmscale.runtimes.general import GeneralRuntime, Memory, cache_bytes
from llmscale.runtimes.interface import RuntimeInfo, Workload
from llmscale.runtimes.option import Option
from llmscale.runtimes.subject import Exact, Summary

#: Tokens of a page unless the option says otherwise.
PAGE = 64
INFO = RuntimeInfo(
    name="pager",
    title="Pager",
    source="made up for this example",
    vendors=("NVIDIA", "AMD"),
    options=(Option("page", ("--page",), "whole", "tokens of a page. Default: 64.", "N", least=1, most=4096),),
)


class Pager(GeneralRuntime):
    """See the module."""

    def memory(self, subject: Exact | Summary, work: Workload) -> Memory:
        """A whole number of pages."""
        pages = -(-work.context // self.granularity(work))
        paged = work._replace(context=pages * self.granularity(work))
        cache = Quantity.exactly(cache_bytes(subject.widths, paged), subject.basis)
        return super().memory(subject, work)._replace(cache=cache)

    def granularity(self, work: Workload) -> int:
        """A page."""
        return int(work.option("page") or PAGE)


def runtime(release: str) -> Pager:
    """The runtime of a release."""
    return Pager(INFO, release or "1.0")

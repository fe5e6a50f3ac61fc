"""Sizes of files that no recipe gives, as their repositories show them: `data/published_files.yaml`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from llmscale.names import normal
from llmscale.records import NamedTuple, dataclass
from llmscale.store.tables import table
from llmscale.units import parse_size

if TYPE_CHECKING:
    from llmscale.store.yaml_file import YamlFile

#: What names of repositories have behind the model's.
GGUF = "gguf"
GB = 10**9


@dataclass(frozen=True)
class Repository:
    """What was read of a repository.

    Attributes:
        model: the catalogue's model.
        files: sizes by mix, or by quant.
        complete: whether these are all that there are of the model.
    """

    model: str
    source: str
    files: dict[str, str]
    complete: bool = False


class PublishedFile(NamedTuple):
    """A file."""

    repository: str
    mix: str
    bytes: int
    source: str

    @property
    def name(self) -> str:
        """As it is typed."""
        return f"{self.repository}:{self.mix.upper()}"

    @property
    def told(self) -> str:
        """With its size."""
        return f"{self.name} {self.bytes / GB:,.1f} GB"


def check(file: YamlFile) -> dict[str, Any]:
    """The table ``published_files``: for each repository its model, its source, and bytes by mix.

    Raises:
        InputFileError: an entry that does not fit, or a model that the catalogue does not have.
    """
    found = file.typed(file.content(), dict[str, Repository])
    known = table("models")["entries"]
    for name, one in found.items():
        if one.model not in known:
            raise file.error((name, "model"), f"{name}: there is no model '{one.model}'.")
    return {
        name: {**asdict(one), "files": {mix: parse_size(size, "file size") for mix, size in one.files.items()}}
        for name, one in found.items()
    }


def of_repository(owner: str, name: str, mix: str) -> PublishedFile | None:
    """The file of a mix in a repository, of which the name may lack the ending; of any owner where none is named."""
    wanted = normal(name).removesuffix(GGUF)
    for repository, told in table("published_files").items():
        publisher, _, called = repository.partition("/")
        if normal(called).removesuffix(GGUF) == wanted and owner in ("", publisher.lower()):
            return _file(repository, told, mix)
    return None


def only_quant(owner: str, name: str) -> str:
    """The quant of a repository that has no other; empty where there are others, or that was not read."""
    for repository, told in table("published_files").items():
        if told["complete"] and normal(repository).removesuffix(GGUF) == normal(f"{owner}/{name}").removesuffix(GGUF):
            return str(next(iter(told["files"]))) if len(told["files"]) == 1 else ""
    return ""


def of_model(model: str, mix: str) -> list[PublishedFile]:
    """The files of a mix of a model, of all repositories."""
    every = ((name, told) for name, told in table("published_files").items() if told["model"] == model)
    return [found for name, told in every if (found := _file(name, told, mix))]


def _file(repository: str, told: dict[str, Any], mix: str) -> PublishedFile | None:
    label = next((label for label in told["files"] if normal(label) == normal(mix)), None)
    return None if label is None else PublishedFile(repository, label, told["files"][label], told["source"])

"""A model's name as people have it before them, taken apart: where it lies, whose it is, tag, formats, the words left.

Forms: addresses of Hugging Face (``https://huggingface.co/…``, ``hf.co/…:Q4_K_M``, ``hf://``), its mirrors and
ModelScope with any owner; Ollama's tags (``llama3.1:8b-instruct-q4_K_M``; ollama.com/library); names of GGUF
files; free text.
"""

from __future__ import annotations

import re

from llmscale.formats.spoken import formats_in, is_own_mix, quant_named
from llmscale.records import NamedTuple

_HUB = (
    r"^(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co|hf-mirror\.com|hf://|modelscope\.cn/models"
    r"|(?:www\.)?modelscope\.cn/models|modelscope\.cn)/?|^hf:(?://)?"
)
_OLLAMA = (
    r"^(?:(?:https?://)?(?:www\.)?(?:registry\.)?ollama\.(?:com|ai)/(?:library/)?|ollama (?:run|pull|show) |library/)"
)
#: Behind a repository: a branch's files; a parameter; a mark.
_BEHIND = r"(?:[?#].*|/(?:tree|blob|resolve|raw|files|summary)(?:/(?!.*\.gguf).*)?)$"
_SHARD = r"-\d{5}-of-\d{5}(?=\.gguf$)"


class Reading(NamedTuple):
    """What a name says.

    Attributes:
        name: what is left of it, without its formats.
        whole: the same with them, for names that are spelled with their format in the catalogue.
        owner: of the repository, in small letters; empty where none is named.
        library: the name in Ollama's library, where the form is Ollama's.
        quant: the quant that is named; empty where none is.
        mix: a publisher's own mix that is named; empty where none is.
        gguf: whether GGUF files are named.
    """

    name: str
    whole: str
    owner: str = ""
    library: str = ""
    quant: str = ""
    mix: str = ""
    gguf: bool = False


def read(text: str) -> Reading:
    """Take a name apart; nothing is looked up."""
    text = text.strip().strip("'\"`")
    hub = re.match(_HUB, text, re.IGNORECASE)
    ollama = None if hub else re.match(_OLLAMA, text, re.IGNORECASE)
    found = hub or ollama
    bare = text[found.end() :] if found else text
    path = re.sub(_BEHIND, "", bare).strip("/")
    path, _, tag = path.partition(":")
    path = path.partition("@")[0]
    owner, name = _owned(path)
    is_ollama = ollama is not None or (bool(tag) and not hub)
    gguf = is_ollama or name.lower().endswith(".gguf") or bool(tag)
    whole = re.sub(r"\.gguf$", "", re.sub(_SHARD, "", name), flags=re.IGNORECASE)
    told = formats_in(f"{whole} {tag}" if tag else whole)
    gguf = gguf or any(word.startswith("gguf") for word in told.found)
    return Reading(
        name=told.rest,
        whole=f"{whole} {tag}".strip(),
        owner=owner.lower(),
        library=name.lower() if is_ollama and not owner else "",
        quant=quant_named(told.found, owner.lower(), gguf),
        mix=next((word for word in told.found if is_own_mix(word)), ""),
        gguf=gguf,
    )


def _owned(path: str) -> tuple[str, str]:
    """Owner and name of a path: a file of a repository is named by itself, all else by the repository."""
    parts = [part for part in path.split("/") if part]
    if len(parts) > 1 and parts[-1].lower().endswith(".gguf"):
        return parts[0], parts[-1]
    return (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0] if parts else "")

"""How the classes of transformers 5.23.0 that are modelled differ from Llama's, as far as training shows it.

Llama's code and parts of Mixtral's and BLOOM's were read (``models/*/modeling_*.py``); the others follow what their
classes keep when they are traced: tests/truth/training_activations.json, but for BERT, of which no row is there.
"""

from __future__ import annotations

from llmscale.model.classes.styles import facts
from llmscale.records import NamedTuple


class Trait(NamedTuple):
    """What a family's code does.

    Attributes:
        norm: ``rms`` as Llama's, ``gemma`` as Gemma's, ``wide`` as gpt-oss's, ``narrow`` as T5's, ``layer`` the
            fused LayerNorm.
        rotary: whether positions rotate queries and keys.
        rotary_joined: whether the rotated part and the rest are joined again, which copies (Phi-3).
        rotary_by_halves: whether tables are half as wide and halves of a head are turned one by one (gpt-oss).
        copied: whether queries are scaled by themselves, and all three copied into an order of heads (Whisper).
        listens: whether an encoder of sound stands before the decoder.
        sdpa: whether the class takes the fused kernel.
        gelu_by_parts: whether plain MLPs compute GELU in single operations.
        scores_in_fp32: whether eager attention takes its softmax in FP32.
        scaled: whether embeddings are multiplied by a number.
        multiplied: whether that is done outside the table's own module (Granite).
        tables: pairs of cosines and sines.
        behind: whether norms stand behind attention and MLP, over the sum with what came in (BERT).
        loss_in_fp32: whether logits are taken to FP32 for the loss.
        router_in_fp32: whether the router multiplies in FP32.
        renormalised: whether the shares of the chosen experts are divided by their sum.
        alibi: whether a slope by distance stands for positions, which no tensor of the graph holds (BLOOM).
        translates: whether an encoder of text stands before the decoder.
        relu: whether plain MLPs' activation is ReLU, which keeps what it makes.
        widened: whether the last matrix of an MLP is given its input in the format of its weight, whatever autocast
            makes of both.
        image: whether patches stand before the layers and a classifier behind them.
    """

    norm: str = "rms"
    rotary: bool = True
    rotary_joined: bool = False
    rotary_by_halves: bool = False
    copied: bool = False
    listens: bool = False
    sdpa: bool = True
    gelu_by_parts: bool = False
    scores_in_fp32: bool = True
    scaled: bool = False
    multiplied: bool = False
    tables: int = 1
    behind: bool = False
    loss_in_fp32: bool = True
    router_in_fp32: bool = False
    renormalised: bool = True
    alibi: bool = False
    image: bool = False
    translates: bool = False
    relu: bool = False
    widened: bool = False

    @property
    def stacks(self) -> bool:
        """Whether an encoder stands before the decoder."""
        return self.listens or self.translates


LLAMA = Trait()


def _of(model_type: str) -> Trait:
    """What is known of the class whatever is done with it."""
    seen = facts(model_type)
    return LLAMA._replace(
        norm=seen.norm,
        rotary=seen.rotary != "none",
        sdpa=seen.sdpa,
        gelu_by_parts=seen.act == "gelu_new",
        scores_in_fp32=seen.scores != "native",
        tables=seen.rope_tables,
        behind=seen.behind,
        router_in_fp32=seen.router_in_fp32,
    )


#: By model type, with what training alone shows; BLOOM's GELU is one operation where there are gradients.
STYLES: dict[str, Trait] = {
    "bert": _of("bert")._replace(loss_in_fp32=False),
    "bloom": _of("bloom")._replace(alibi=True, gelu_by_parts=False),
    "deepseek_v2": _of("deepseek_v2")._replace(renormalised=False),
    "exaone4": _of("exaone4"),
    "gemma": _of("gemma")._replace(scaled=True),
    "gemma3_text": _of("gemma3_text")._replace(scaled=True),
    "gpt2": _of("gpt2"),
    "gpt_oss": _of("gpt_oss")._replace(norm="wide", rotary_by_halves=True),
    "granite": _of("granite")._replace(multiplied=True),
    "hunyuan_v1_dense": _of("hunyuan_v1_dense"),
    "llama": _of("llama"),
    "mistral": _of("mistral"),
    "mixtral": _of("mixtral"),
    "mt5": _of("mt5")._replace(norm="narrow", translates=True, loss_in_fp32=False, relu=True, widened=True),
    "phi3": _of("phi3")._replace(rotary_joined=True),
    "qwen2": _of("qwen2"),
    "qwen3": _of("qwen3"),
    "smollm3": _of("smollm3"),
    "starcoder2": _of("starcoder2"),
    "t5": _of("t5")._replace(norm="narrow", translates=True, loss_in_fp32=False, relu=True, widened=True),
    "vit": _of("vit")._replace(loss_in_fp32=False, image=True),
    "whisper": _of("whisper")._replace(copied=True, loss_in_fp32=False, listens=True),
}

"""How the classes of transformers 5.23.0 that are modelled differ from Llama's, as far as training shows it.

Llama's code and parts of Mixtral's and BLOOM's were read (``models/*/modeling_*.py``); the others follow what their
classes keep when they are traced: tests/truth/training_activations.json, but for BERT, of which no row is there.
"""

from __future__ import annotations

from llmscale.records import NamedTuple


class Style(NamedTuple):
    """What a family's code does.

    Attributes:
        norm: ``rms`` as Llama's, ``gemma`` as Gemma's, ``layer`` the fused LayerNorm.
        rotary: whether positions rotate queries and keys.
        rotary_joined: whether the rotated part and the rest are joined again, which copies (Phi-3).
        gelu_by_parts: whether plain MLPs compute GELU in single operations.
        scores_in_fp32: whether eager attention takes its softmax in FP32.
        scaled: whether embeddings are multiplied by a number.
        tables: pairs of cosines and sines.
        behind: whether norms stand behind attention and MLP, over the sum with what came in (BERT).
        loss_in_fp32: whether logits are taken to FP32 for the loss.
        router_in_fp32: whether the router multiplies in FP32.
        renormalised: whether the shares of the chosen experts are divided by their sum.
        alibi: whether a slope by distance stands for positions, which no tensor of the graph holds (BLOOM).
        image: whether patches stand before the layers and a classifier behind them.
    """

    norm: str = "rms"
    rotary: bool = True
    rotary_joined: bool = False
    gelu_by_parts: bool = False
    scores_in_fp32: bool = True
    scaled: bool = False
    tables: int = 1
    behind: bool = False
    loss_in_fp32: bool = True
    router_in_fp32: bool = False
    renormalised: bool = True
    alibi: bool = False
    image: bool = False


LLAMA = Style()
STYLES: dict[str, Style] = {
    "exaone4": LLAMA,
    "gemma": Style(norm="gemma", scaled=True),
    "granite": LLAMA,
    "hunyuan_v1_dense": LLAMA,
    "llama": LLAMA,
    "mistral": LLAMA,
    "mixtral": LLAMA,
    "qwen2": LLAMA,
    "qwen3": LLAMA,
    "smollm3": LLAMA,
    "gemma3_text": Style(norm="gemma", scaled=True, tables=2),
    "phi3": Style(rotary_joined=True),
    "starcoder2": Style(norm="layer"),
    "bert": Style(norm="layer", rotary=False, scores_in_fp32=False, behind=True, loss_in_fp32=False),
    "deepseek_v2": Style(router_in_fp32=True, renormalised=False),
    "bloom": Style(norm="layer", rotary=False, alibi=True),
    "vit": Style(norm="layer", rotary=False, loss_in_fp32=False, image=True),
    "gpt2": Style(norm="layer", rotary=False, gelu_by_parts=True, scores_in_fp32=False),
}

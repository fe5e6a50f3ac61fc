"""What the code of a family's model class does otherwise than Llama's, as far as its memory shows it.

What follows from the blocks of a model (where norms stand, fused projections, norms of queries and keys, experts) is
not repeated here. Which model type does what stands in `styles`.
"""

from __future__ import annotations

from typing import Literal

from llmscale.records import NamedTuple

Normed = Literal["rms", "gemma", "layer", "manual", "bare"]
Activation = Literal["fused", "gelu_new", "quick_gelu", "relu2", "xielu"]
Rotary = Literal["half", "fp32", "wide", "promoted", "float", "complex", "none"]
Scores = Literal["fp32", "native", "inplace", "product", "single", "alibi", "sinks"]


class Style(NamedTuple):
    """What a family's code does.

    Attributes:
        norm: ``rms`` as Llama's, ``gemma`` as Gemma's, ``layer`` the fused LayerNorm, ``manual`` Cohere's in single
            operations, ``bare`` OLMo's, which has no weights.
        act: of plain MLPs: ``fused`` is one operation, ``gelu_new`` GPT-2's formula, ``quick_gelu`` CLIP's, ``relu2``
            the square of ReLU, ``xielu`` Apertus's.
        rotary: ``half`` as Llama's, ``fp32`` the same in FP32 as Cohere's, ``wide`` in FP32 bit by bit as ERNIE's,
            ``promoted`` to FP32 by its tables as OLMo's, ``float`` in FP32 one after the other as ModernBERT's,
            ``complex`` as Llama 4's, ``none``.
        rope_share: share of a head that rotates, where a config does not say it.
        rope_tables: pairs of cosines and sines.
        table_width: bytes of one of their elements; 0 for those of an activation.
        rope_open: whether the parts of a head that rotate and those that do not are variables of the attention itself,
            so that what was projected stays until its end (Phi).
        sdpa: whether the class takes SDPA.
        scores: how attention by single operations goes about its scores: ``fp32`` as Llama's, ``native`` without FP32
            (GPT-2), ``inplace`` the same and scaled where they stand (Falcon), ``product`` scaled by the product,
            which stays (BLOOM), ``single`` in FP32 from Q and K on (GPT-J), ``alibi`` in FP32 by biases that are
            (MPT), ``sinks`` with gpt-oss's sinks.
        scores_returned: whether a layer's scores stay through the next layer too.
        embeddings: tensors as wide as the hidden state that the model keeps beside its layers' input.
        inline: whether the layer's own variable is the MLP's input, which goes after the first projection.
        masked: whether a mask of all tokens is made even where SDPA needs none.
        spare_mask: whether a mask for windows is made that no layer uses.
        attention_kept: whether the attention's output stays until the end of the layer.
        input_kept: whether the attention's normalised input does.
        shared_first: whether the shared expert runs before the routed ones.
        dense_experts: whether every expert computes every token (Llama 4).
        routed_in_fp32: whether routing weights are FP32, and with them the weighted outputs of the experts.
        router_in_fp32: whether the router computes in FP32.
        streams: hidden states that run from layer to layer beside each other (Gemma 3n's AltUp).
        sliced: whether layers that attend to others' K and V see only the last token of a prompt (Gemma 4).
        biased: whether attention adds biases of positions (T5).
        tabled: whether these come of a table alone, each layer having its own (BEiT).
        windowed: whether attention is within windows of a picture, of which the first stage is the widest (Swin).
        joined: whether several pictures are one sequence, with a mask that keeps them apart (Pixtral).
        stream_in_fp32: whether what runs from layer to layer is FP32 from the first layer's output on.
        chunk: tokens that Mamba-2 scans at once.
        behind: of encoders, whether norms stand behind attention and MLP.
        mapped: whether embeddings are widened by the encoder itself, which keeps the narrow ones (ALBERT).
        parted: whether the class has gate and up apart where checkpoints have one matrix.
        states_kept: whether the outputs of all layers are kept to the end (DeBERTa).
    """

    norm: Normed = "rms"
    act: Activation = "fused"
    rotary: Rotary = "half"
    rope_share: float = 1.0
    rope_tables: int = 1
    table_width: int = 0
    rope_open: bool = False
    sdpa: bool = True
    scores: Scores = "fp32"
    scores_returned: bool = False
    embeddings: int = 1
    inline: bool = False
    masked: bool = False
    spare_mask: bool = False
    attention_kept: bool = False
    input_kept: bool = False
    shared_first: bool = False
    dense_experts: bool = False
    routed_in_fp32: bool = False
    router_in_fp32: bool = False
    streams: int = 1
    sliced: bool = False
    biased: bool = False
    tabled: bool = False
    windowed: bool = False
    joined: bool = False
    stream_in_fp32: bool = False
    chunk: int = 256
    behind: bool = False
    mapped: bool = False
    parted: bool = False
    states_kept: bool = False


LLAMA = Style()

"""BERT (arXiv:1810.04805) and its kin of the same shape: RoBERTa, XLM-R, CamemBERT, ERNIE 1 to 3.

Post-norm encoder with biases everywhere; what stands on top depends on the class (transformers 5.23): a pooler on
the bare model, a transform and a tied decoder for masked language modelling, a classifier. RoBERTa's classifier is
two layers of its own; ERNIE adds task embeddings when ``use_task_id`` says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bert import encoder_layer, untied_bias
from llmscale.model.families._bounds import MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, place, stack, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("bert", "roberta", "xlm-roberta", "camembert", "ernie")
ROBERTA = {"roberta", "xlm-roberta", "camembert"}


def read(c: Config) -> ModelSpec:
    """Read a BERT-shaped config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    positions = c.number("max_position_embeddings", default=512, high=MAX_POSITIONS)
    segments = c.number("type_vocab_size", default=2)
    heads, _, head_dim = c.heads(hidden, kv=())
    roberta = c.model_type in ROBERTA
    tasks = c.number("task_type_vocab_size", default=3) if c.flag("use_task_id") else 0
    if not tasks:
        c.ignore("task_type_vocab_size")
    # Written by Google's first conversion; the pooler is one square matrix whatever they say.
    c.ignore("directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers")
    c.ignore("pooler_size_per_head", "pooler_type", "is_decoder")

    head = c.head("Model")
    base = "" if head == "Model" else f"{'roberta' if roberta else c.model_type}."
    norm = Norm(hidden, bias=True)
    embeddings = f"{base}embeddings"

    def blocks(_: None) -> Iterator[Named]:
        return encoder_layer(hidden, intermediate, heads, head_dim)

    placed = [
        place(f"{embeddings}.word_embeddings", Embedding(vocab, hidden)),
        place(f"{embeddings}.position_embeddings", Embedding(positions, hidden, "embedding.position")),
        place(f"{embeddings}.token_type_embeddings", Embedding(segments, hidden, "embedding.segment")),
    ]
    if tasks:
        placed.append(place(f"{embeddings}.task_type_embeddings", Embedding(tasks, hidden, "embedding.task")))
    placed.append(place(f"{embeddings}.LayerNorm", norm))
    placed += stack(f"{base}encoder.layer.{{layer}}", [None] * layers, blocks)
    placed += _on_top(c, head, base, hidden, vocab, roberta)
    # RoBERTa counts positions from the padding index on, so two rows are never a token's.
    context = positions - 2 if roberta else positions
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=context)


def _on_top(c: Config, head: str, base: str, hidden: int, vocab: int, roberta: bool) -> list[PlacedBlock]:
    pooler = place(f"{base}pooler.dense", Linear("other.pooler", hidden, hidden, bias=True))
    tied_to = f"{base}embeddings.word_embeddings.weight" if c.flag("tie_word_embeddings", default=True) else None
    next_sentence = place("cls.seq_relationship", Linear("head.next_sentence", 2, hidden, bias=True))
    if head == "Model":
        return [pooler]
    if head in ("ForMaskedLM", "ForCausalLM") and roberta:
        return [
            place("lm_head.dense", Linear("head.transform", hidden, hidden, bias=True)),
            place("lm_head.layer_norm", Norm(hidden, bias=True, role="head.norm")),
            place("lm_head.decoder", Head(vocab, hidden, tied_to)),
            place("lm_head.bias", Parameter("head.out", (vocab,))),
            *untied_bias(c, tied_to, vocab),
        ]
    if head in ("ForMaskedLM", "ForPreTraining", "LMHeadModel", "ForCausalLM") and not roberta:
        predictions = [
            place("cls.predictions.transform.dense", Linear("head.transform", hidden, hidden, bias=True)),
            place("cls.predictions.transform.LayerNorm", Norm(hidden, bias=True, role="head.norm")),
            place("cls.predictions.decoder", Head(vocab, hidden, tied_to)),
            place("cls.predictions.bias", Parameter("head.out", (vocab,))),
            *untied_bias(c, tied_to, vocab),
        ]
        return [pooler, *predictions, next_sentence] if head == "ForPreTraining" else predictions
    if head == "ForNextSentencePrediction":
        return [pooler, next_sentence]
    if head == "ForMultipleChoice":
        return [pooler, place("classifier", Linear("head.classifier", 1, hidden, bias=True))]
    labels = Linear("head.classifier", c.labels(), hidden, bias=True)
    if head == "ForSequenceClassification" and roberta:
        dense = Linear("head.transform", hidden, hidden, bias=True)
        return [place("classifier.dense", dense), place("classifier.out_proj", labels)]
    if head == "ForSequenceClassification":
        return [pooler, place("classifier", labels)]
    if head == "ForTokenClassification":
        return [place("classifier", labels)]
    if head == "ForQuestionAnswering":
        return [place("qa_outputs", labels)]
    raise c.unsupported(f"is a {c.architecture('')}", "Known: Model, ForMaskedLM, ForSequenceClassification, …")

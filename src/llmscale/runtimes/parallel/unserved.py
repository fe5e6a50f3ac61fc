"""Model types that vLLM and SGLang do not run, all others being run by their own code or that of transformers."""

from __future__ import annotations

ENCODER_DECODERS = frozenset(("bart", "blenderbot", "blenderbot-small", "m2m_100", "marian", "mbart", "mt5"))
RECURRENT = frozenset(("lfm3", "qwen4_exp", "qwen4_exp_text", "recurrent_gemma", "rwkv"))
NO_SERVER = ENCODER_DECODERS | RECURRENT | {"pegasus", "t5", "umt5"}

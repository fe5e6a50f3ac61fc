"""draft"""
from __future__ import annotations
import json, sys, weakref, os
from collections import Counter
from pathlib import Path
from typing import Any
import torch, transformers
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers.initialization import no_init_weights

GRAIN = 512

class Tracker(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.live = 0; self.peak = 0; self.seen = {}; self.at_peak = None; self.detail=False
        self.trace = None
        self.weights=set()
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten._local_scalar_dense.default and args[0].dtype == torch.bool:
            return True
        out = func(*args, **(kwargs or {}))
        if func.namespace == "aten":
            for leaf in tree_leaves(out):
                if isinstance(leaf, torch.Tensor) and leaf.device.type == "meta":
                    self.born(leaf, func)
        return out
    def born(self, t, func):
        s = t.untyped_storage()
        key = s._cdata
        if key in self.seen or key in self.weights: return
        n = -(-s.nbytes() // GRAIN) * GRAIN
        where = None
        if self.detail:
            f = sys._getframe(2); names=[]
            while f and len(names)<3:
                fn=f.f_code.co_filename
                if "/transformers/" in fn: names.append(f"{f.f_code.co_name}:{f.f_lineno}")
                f=f.f_back
            where=" < ".join(names)
        self.seen[key] = (n, tuple(t.shape), t.dtype, str(func), where)
        self.live += n
        weakref.finalize(s, self.dead, key)
        if self.trace is not None: self.trace.append(("+", n, self.seen[key]))
        if self.live > self.peak:
            self.peak = self.live
            if self.detail: self.at_peak = list(self.seen.values())
    def dead(self, key):
        e = self.seen.pop(key, None)
        if e:
            self.live -= e[0]
            if self.trace is not None: self.trace.append(("-", e[0], e))

def sdpa(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    dim, vdim = query.shape[-1], value.shape[-1]
    if attn_mask is None and dim == vdim <= 256:
        if dim % 8:
            pad = 8 - dim % 8
            query, key, value = (torch.nn.functional.pad(t, (0, pad)) for t in (query, key, value))
        out = torch.ops.aten._scaled_dot_product_flash_attention(query, key, value, 0.0, is_causal, False, scale=scale)[0]
        return out[..., :vdim] if out.shape[-1] != vdim else out
    assert not enable_gqa
    if attn_mask is not None:
        if attn_mask.dtype == torch.bool:
            attn_mask = torch.where(attn_mask, 0.0, torch.scalar_tensor(float("-inf"), dtype=query.dtype, device=query.device))
        if attn_mask.shape[-1] % 16 :
            attn_mask = torch.nn.functional.pad(attn_mask, (0, 16 - attn_mask.shape[-1] % 16))[..., : key.shape[-2]]
        attn_mask = attn_mask.expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])
    return torch.ops.aten._scaled_dot_product_efficient_attention(query, key, value, attn_mask, False, 0.0, is_causal, scale=scale)[0]

def build(config, attn, layers):
    mt = config["model_type"]
    settings = transformers.CONFIG_MAPPING[mt].from_dict(dict(config))
    settings._attn_implementation = attn
    name = (config.get("architectures") or [""])[0]
    cls = getattr(transformers, name, None) or transformers.MODEL_FOR_CAUSAL_LM_MAPPING[type(settings)]
    torch.set_default_dtype(torch.bfloat16)
    try:
        with no_init_weights(), torch.device("meta"):
            model = cls(settings)
    finally:
        torch.set_default_dtype(torch.float32)
    model.tie_weights()
    return model.eval().to(torch.bfloat16) if False else model.eval()

def cut(config, layers):
    c = json.loads(json.dumps(config))
    t = c.get("text_config") if isinstance(c.get("text_config"), dict) and "num_hidden_layers" in c.get("text_config", {}) else c
    for k in ("num_hidden_layers","n_layer","n_layers","num_layers"):
        if k in t: t[k]=min(t[k],layers)
    for k in ("layer_types","mlp_only_layers","no_rope_layers","sliding_window_pattern_list"):
        if isinstance(t.get(k), list) and k!="mlp_only_layers": t[k]=t[k][:layers]
    return c


def run(config, attn, batch, tokens, layers=None, detail=False, static=0):
    from transformers import masking_utils
    from transformers.generation import utils as gen
    if layers: config = cut(config, layers)
    torch.nn.functional.scaled_dot_product_attention = sdpa
    masking_utils.fast_all = lambda t: True
    t = Tracker(); t.detail = detail
    res = {}
    steps = []
    def step(self, unfinished, tokens, length):
        name = ("prefill", "decode")[len(steps)]
        res[name] = t.peak; res[name+"_at"] = t.at_peak
        steps.append(t.live)
        t.peak = t.live
        return len(steps) == 2
    gen.StopCheck.__call__ = step
    with torch.no_grad():
        model = build(config, attn, layers)
        model.generation_config.eos_token_id = None
        model.generation_config.pad_token_id = 0
        model.generation_config.bos_token_id = None
        t.weights = {x.untyped_storage()._cdata for x in [*model.parameters(), *model.buffers()]}
        with t:
            ids = torch.zeros(batch, tokens, dtype=torch.int64, device="meta")
            mask = torch.ones(batch, tokens, dtype=torch.int64, device="meta")
            kw = {}
            if static: kw = {"cache_implementation": "static", "disable_compile": True}
            out = model.generate(ids, attention_mask=mask, max_new_tokens=max(2, static), do_sample=False, return_dict_in_generate=True, **kw)
            c = out.past_key_values
            res["kept"] = steps[0]
            res["cache"] = t.live
    return res

if __name__ == "__main__":
    path, attn, b, n, l = sys.argv[1:6]
    cfg = json.load(open(path))
    r = run(cfg, attn, int(b), int(n), int(l), detail=True)
    for k in ("prefill","decode"):
        print(k, r[k])
        c=Counter()
        for x in r[k+"_at"] or []: c[(x[0],x[1],str(x[2])[6:],x[3][5:],x[4])]+=1
        for x,m in sorted(c.items(), key=lambda e:-e[0][0]*e[1]):
            if x[0]*m > 4096: print("   ",m,"x",*x)
    print({k:v for k,v in r.items() if not k.endswith("_at")})

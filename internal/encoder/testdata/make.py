"""Makes the models of the tests, with random weights, and what the Hugging Face tokenizer and a forward pass in numpy (float64) make of
some texts with them: embedder/ and ranker/, each with expected.json. Needs numpy, safetensors, tokenizers, and scipy for erf.

    python make.py
"""
import json
import os
import random
import string

import numpy as np
from safetensors.numpy import save_file
from scipy.special import erf
from tokenizers import Tokenizer

here = os.path.dirname(os.path.abspath(__file__))

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "of", "error", "file", "##s", "##ing", "##ed", "read", "write", "ßt", "un", "##able", "##read", "i̇", "中", "国", "語",
         "か", "##な", "##カ", "한", "##국", "ⅷ", "ﬁ", "##ﬁ", "α", "##ς", "σ", "й", "и", "##й", "##и", "—", "“", "…", "€", "№", "•", "ʼ"]
VOCAB = SPECIAL + list(string.punctuation) + list(string.digits + string.ascii_lowercase) + ["##" + c for c in string.ascii_lowercase + "0123"] + WORDS


def tokenizer(lower=True, lstrip=False):
    token = lambda i, s: {"id": i, "content": s, "single_word": False, "lstrip": lstrip and s == "[MASK]", "rstrip": False, "normalized": False, "special": True}
    special = lambda s, t: {"SpecialToken": {"id": s, "type_id": t}}
    sequence = lambda s, t: {"Sequence": {"id": s, "type_id": t}}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [token(i, s) for i, s in enumerate(SPECIAL)],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": lower},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0)],
            "pair": [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0), sequence("B", 1), special("[SEP]", 1)],
            "special_tokens": {s: {"id": s, "ids": [VOCAB.index(s)], "tokens": [s]} for s in ("[CLS]", "[SEP]")},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                  "vocab": {s: i for i, s in enumerate(VOCAB)}},
    }


def weights(c, rng, prefix, old, head):
    h, w = c["hidden_size"], {}

    def linear(name, n, k):
        w[name + ".weight"] = rng.normal(0, 1.5 / np.sqrt(k), (n, k))
        w[name + ".bias"] = rng.normal(0, 0.1, n)

    def norm(name):
        w[name + (".gamma" if old else ".weight")] = rng.normal(1, 0.2, h)
        w[name + (".beta" if old else ".bias")] = rng.normal(0, 0.2, h)

    e = prefix + "embeddings."
    for name, n in (("word", c["vocab_size"]), ("position", c["max_position_embeddings"]), ("token_type", c["type_vocab_size"])):
        w[f"{e}{name}_embeddings.weight"] = rng.normal(0, 1, (n, h))
    norm(e + "LayerNorm")
    for i in range(c["num_hidden_layers"]):
        p = f"{prefix}encoder.layer.{i}."
        for name in ("query", "key", "value"):
            linear(p + "attention.self." + name, h, h)
        linear(p + "attention.output.dense", h, h)
        norm(p + "attention.output.LayerNorm")
        linear(p + "intermediate.dense", c["intermediate_size"], h)
        linear(p + "output.dense", h, c["intermediate_size"])
        norm(p + "output.LayerNorm")
    if head:
        linear(prefix + "pooler.dense", h, h)
        linear("classifier", head, h)
    return w


def forward(w, c, prefix, ids, types):
    h, heads = c["hidden_size"], c["num_attention_heads"]
    w = {k.replace("gamma", "weight").replace("beta", "bias"): v.astype(np.float64) for k, v in w.items()}
    linear = lambda x, name: x @ w[name + ".weight"].T + w[name + ".bias"]

    def norm(x, name):
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + c["layer_norm_eps"]) * w[name + ".weight"] + w[name + ".bias"]

    e = prefix + "embeddings."
    x = w[e + "word_embeddings.weight"][ids] + w[e + "position_embeddings.weight"][: len(ids)] + w[e + "token_type_embeddings.weight"][types]
    x = norm(x, e + "LayerNorm")
    for i in range(c["num_hidden_layers"]):
        p = f"{prefix}encoder.layer.{i}."
        q, k, v = (linear(x, p + "attention.self." + n).reshape(len(ids), heads, -1).transpose(1, 0, 2) for n in ("query", "key", "value"))
        s = q @ k.transpose(0, 2, 1) / np.sqrt(h // heads)
        s = np.exp(s - s.max(-1, keepdims=True))
        s /= s.sum(-1, keepdims=True)
        a = (s @ v).transpose(1, 0, 2).reshape(len(ids), h)
        x = norm(linear(a, p + "attention.output.dense") + x, p + "attention.output.LayerNorm")
        f = linear(x, p + "intermediate.dense")
        f = f / 2 * (1 + erf(f / np.sqrt(2)))
        x = norm(linear(f, p + "output.dense") + x, p + "output.LayerNorm")
    return x, w


ODD = ["", " ", "\t\n", "the", "The Error", "unreadable files", "Écrit", "e\u0301crit", "ÅNGSTRÖM", "İi", "ß", "ßt", "中国語", "a中b", "かな", "カナ", "한국", "ﬁle",
       "x" * 100, "x" * 101, "a" * 99 + "é", "[MASK]", "a[MASK]b", "a [MASK] b", "[SEP][CLS] [PAD][UNK]", "[mask]", "[ SEP ]", "[[SEP]]",
       "a\u0000b", "a\ufffdb", "a\u200db", "a\u00adb", "a\u00a0b", "a\u2028b", "a\u000bb", "a\u0085b", "\ufeffthe", "e\u0301\u0302\u0303", "\u0301", "a \u0301b",
       "don't", "a—b", "“the”", "…", "€5", "№3", "\U0001f600", "the \U0001f600 error", "𝕳", "ａｂｃ", "Ⅷ", "ΑΣ", "σς", "Й", "и\u0306", "\u1100\u1161\u11a8",
       "a_b", "a-b.c", "snake_case camelCase", "$x^2$", "`code`", "^", "~", "|", "१२३", "٣", "\u0e01\u0e33", "a\u0e31b", "\u166d", "a\u2e43b", "a\u0898b",
       "1 2 3", "3.14", "read" * 30, "中" * 60, "a\u3000b", "\U00020000", "\ue000", "\U000e0001", "ʼn"]


def samples(rng, n):
    letters = string.ascii_letters + string.digits + string.punctuation + "   " + "éÜñçßİ中国語かな한국Йи…—“”€№\u0301\u200d\u00a0\U0001f600"
    words = ["the", "of", "error", "files", "reading", "unreadable", "written", "[SEP]", "[MASK]"]
    out = []
    for _ in range(n):
        parts = [rng.choice(words) if rng.random() < 0.5 else "".join(rng.choice(letters) for _ in range(rng.randint(1, 8))) for _ in range(rng.randint(1, 14))]
        out.append(rng.choice([" ", "", "\n"]).join(parts))
    return out


def write(folder, name, value):
    path = os.path.join(here, folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        json.dump(value, f, ensure_ascii=True, separators=(",", ":"))
        f.write("\n")


def make(folder, seed, dtype, prefix="", old=False, head=0, lower=True, lstrip=False, **more):
    c = {"architectures": ["BertForSequenceClassification" if head else "BertModel"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": 32,
         "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 48, "layer_norm_eps": 1e-12, "max_position_embeddings": 40,
         "position_embedding_type": "absolute", "type_vocab_size": 2, "vocab_size": len(VOCAB), **more}
    write(folder, "config.json", c)
    write(folder, "tokenizer.json", tokenizer(lower, lstrip))
    w = {k: v.astype(dtype) for k, v in weights(c, np.random.default_rng(seed), prefix, old, head).items()}
    save_file(w, os.path.join(here, folder, "model.safetensors"), metadata={"format": "pt"})
    t = Tokenizer.from_file(os.path.join(here, folder, "tokenizer.json"))
    t.enable_truncation(c["max_position_embeddings"], strategy="longest_first")
    rng = random.Random(seed)
    texts, rows = ODD + samples(rng, 60), []
    round6 = lambda v: [float(f"{x:.7g}") for x in np.asarray(v).ravel()]
    for i, text in enumerate(texts):
        pair = (text, texts[(i * 7 + 3) % len(texts)])
        e = t.encode(*pair) if head else t.encode(text)
        x, w64 = forward(w, c, prefix, e.ids, e.type_ids)
        row = {"text": text, "ids": e.ids}
        if head:
            pooled = np.tanh(w64[prefix + "pooler.dense.weight"] @ x[0] + w64[prefix + "pooler.dense.bias"])
            row |= {"passage": pair[1], "types": e.type_ids, "logits": round6(w64["classifier.weight"] @ pooled + w64["classifier.bias"])}
        elif i % 4 == 0:
            mean = x.mean(0)
            row |= {"mean": round6(mean / np.linalg.norm(mean)), "cls": round6(x[0])}
        rows.append(row)
    write(folder, "expected.json", rows)


make("embedder", 1, np.float32)
write("embedder", "modules.json", [{"type": "sentence_transformers.models." + n} for n in ("Transformer", "Pooling", "Normalize")])
write("embedder", "1_Pooling/config.json", {"word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
                                             "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False})
make("ranker", 2, np.float16, prefix="bert.", old=True, head=1, lower=False, lstrip=True, num_hidden_layers=1, id2label={"0": "relevance"})

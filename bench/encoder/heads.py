"""Compares scores of pairs and probabilities of labels with ONNX Runtime, over models of random weights in the layout of cross-encoders
and classifiers (BertForSequenceClassification): published ones differ in their numbers alone.

    python heads.py PROGRAM TOKENIZER.json EVALS

PROGRAM is the built bench/encoder. Pairs that are too long on either side are among them; where both sides are, see longestFirst of internal/encoder.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from compare import texts
from onnx_model import build

SIZES = {"hidden_size": 384, "num_hidden_layers": 3, "num_attention_heads": 12, "intermediate_size": 1536, "max_position_embeddings": 512, "type_vocab_size": 2}


def model(folder, tokenizer, labels):
    rng, h, wide = np.random.default_rng(labels), SIZES["hidden_size"], SIZES["intermediate_size"]
    vocabulary = Tokenizer.from_file(tokenizer).get_vocab_size()
    config = SIZES | {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "hidden_act": "gelu", "layer_norm_eps": 1e-12,
                      "vocab_size": vocabulary, "id2label": {str(i): f"LABEL_{i}" for i in range(labels)}}
    w = {}

    def linear(name, out, into):
        w[name + ".weight"], w[name + ".bias"] = rng.normal(0, 1 / np.sqrt(into), (out, into)), rng.normal(0, 0.1, out)

    def norm(name):
        w[name + ".weight"], w[name + ".bias"] = rng.normal(1, 0.1, h), rng.normal(0, 0.1, h)

    for name, rows in (("word", vocabulary), ("position", 512), ("token_type", 2)):
        w[f"bert.embeddings.{name}_embeddings.weight"] = rng.normal(0, 1, (rows, h))
    norm("bert.embeddings.LayerNorm")
    for i in range(SIZES["num_hidden_layers"]):
        at = f"bert.encoder.layer.{i}."
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            linear(at + name, h, h)
        linear(at + "intermediate.dense", wide, h)
        linear(at + "output.dense", h, wide)
        norm(at + "attention.output.LayerNorm")
        norm(at + "output.LayerNorm")
    linear("bert.pooler.dense", h, h)
    linear("classifier", labels, h)
    save_file({k: v.astype(np.float32) for k, v in w.items()}, f"{folder}/model.safetensors")
    json.dump(config, open(f"{folder}/config.json", "w"))
    shutil.copy(tokenizer, f"{folder}/tokenizer.json")


def reference(folder, rows):
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(SIZES["max_position_embeddings"], strategy="longest_first")
    onnx.save(build(folder, False), f"{folder}/model.onnx")
    session, out = onnxruntime.InferenceSession(f"{folder}/model.onnx", providers=["CPUExecutionProvider"]), []
    for row in rows:
        e = tokenizer.encode(*row)
        feed = {"input_ids": e.ids, "attention_mask": [1] * len(e.ids), "token_type_ids": e.type_ids}
        out.append(session.run(None, {k: np.array([v], np.int64) for k, v in feed.items()})[0][0])
    return np.array(out)


def ours(program, folder, rows, *flags):
    command = [program, "-model", folder, "-out", f"{folder}/out", *flags]
    for i, flag in enumerate(("-texts", "-passages")[: len(rows[0])]):
        with open(f"{folder}/in{i}", "w") as f:
            f.writelines(json.dumps(row[i]) + "\n" for row in rows)
        command += [flag, f"{folder}/in{i}"]
    subprocess.run(command, check=True)
    return np.fromfile(f"{folder}/out", np.float32).reshape(len(rows), -1)


def main(program, tokenizer, evals):
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    rng, sample = random.Random(2), texts(evals)
    long = lambda n: " ".join(rng.sample(sample, n))
    alone = [(t,) for t in rng.sample(sample, 40)] + [(long(20),)]
    pairs = [(rng.choice(sample), rng.choice(sample)) for _ in range(60)] + [("what is it?", ""), ("", "nothing"), ("what is it?", long(20)), (long(20), "it is short")]
    print("| | rows | float32, largest difference | int8, largest difference | spread of the reference |\n|---|---|---|---|---|")
    for labels, rows in ((1, pairs), (2, alone), (3, alone)):
        with tempfile.TemporaryDirectory() as folder:
            model(folder, tokenizer, labels)
            want = reference(folder, rows)
            if labels > 1:
                want = np.exp(want - want.max(1, keepdims=True))
                want /= want.sum(1, keepdims=True)
            off = [np.abs(ours(program, folder, rows, *f) - want).max() for f in (["-float32"], [])]
            name = "scores of pairs" if labels == 1 else f"probabilities of {labels} labels"
            print(f"| {name} | {len(rows)} | {off[0]:.1e} | {off[1]:.1e} | {want.std(0).mean():.2f} |")


if __name__ == "__main__":
    main(*sys.argv[1:])

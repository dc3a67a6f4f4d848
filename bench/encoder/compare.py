"""Compares the encoder with ONNX Runtime over the same weights: what they compute, and what it costs, in one run.

    python compare.py PROGRAM MODEL EVALS
    python compare.py texts EVALS

PROGRAM is the built bench/encoder, MODEL a folder with config.json, model.safetensors and tokenizer.json, and maybe the model.onnx that its
publisher made, EVALS the folder of evaluation data. Prints tables in Markdown. The second form prints the texts alone, as JSON strings. Costs are processor time of one thread, the least of several rounds that
take turns, since the machine is shared.
"""
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from tokenizers import Tokenizer

from onnx_model import build

LONGEST, ROUNDS = 256, 5
SOURCES = {  # how many texts of which file, and where in a row the text is
    "retrieval/cacm/corpus.jsonl": (150, "text"), "retrieval/cranfield/corpus.jsonl": (150, "text"),
    "retrieval/anthropic-code/corpus.jsonl": (150, "text"), "retrieval/cosqa-dev/corpus.jsonl": (100, "text"),
    "retrieval/cosqa-dev/queries.jsonl": (100, "text"), "cache/paraphrases.jsonl": (100, "origin"),
    "guard/injection-train.jsonl": (100, "text"), "guard/toxicity-train.jsonl": (100, "text"), "guard/pii-dev.jsonl": (50, "text"),
}


def texts(evals):
    rng, out = random.Random(1), []
    for path, (n, key) in SOURCES.items():
        rows = [json.loads(line) for line in open(f"{evals}/{path}")]
        out += [r[key] for r in rng.sample(rows, n)]
    return out


def of_length(tokenizer, texts, tokens):
    """Texts that are cut to so many tokens, [CLS] and [SEP] included."""
    out = []
    for text in texts:
        e = tokenizer.encode(text)
        if len(e.ids) >= tokens:
            short = text[: e.offsets[tokens - 2][1]]
            if len(tokenizer.encode(short).ids) == tokens:
                out.append(short)
    return out


def pools_first(model):
    """Whether a text's vector is that of its first token; else it is the mean of all."""
    path = f"{model}/1_Pooling/config.json"
    return os.path.exists(path) and json.load(open(path))["pooling_mode_cls_token"]


class Runtime:
    """ONNX Runtime with one thread."""

    def __init__(self, model, fused, tokenizer):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
            published = f"{model}/model.onnx"
            if fused or not os.path.exists(published):
                onnx.save(build(model, fused), published := file.name)
            self.session = onnxruntime.InferenceSession(published, options, providers=["CPUExecutionProvider"])
        self.tokenizer, self.cls = tokenizer, pools_first(model)

    def encode(self, texts, batch):
        ids = [e.ids for e in self.tokenizer.encode_batch(texts)]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        out = [None] * len(ids)
        for at in range(0, len(order), batch):
            part = order[at : at + batch]
            longest = max(len(ids[i]) for i in part)
            tokens, mask = np.zeros((len(part), longest), np.int64), np.zeros((len(part), longest), np.int64)
            for row, i in enumerate(part):
                tokens[row, : len(ids[i])], mask[row, : len(ids[i])] = ids[i], 1
            x = self.session.run(None, {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)})[0]
            mean = x[:, 0] if self.cls else (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
            for row, i in enumerate(part):
                out[i] = mean[row] / np.linalg.norm(mean[row])
        return np.array(out, np.float32)

    def cost(self, texts, batch, single=False):
        took, begun = [], resource.getrusage(resource.RUSAGE_SELF)
        for part in [[t] for t in texts] if single else [texts]:
            at = time.perf_counter()
            self.encode(part, batch)
            took.append(time.perf_counter() - at)
        end = resource.getrusage(resource.RUSAGE_SELF)
        cpu = end.ru_utime + end.ru_stime - begun.ru_utime - begun.ru_stime
        return {"cpu_ms_each": cpu * 1e3 / len(texts), "wall_ms_p50": np.median(took) * 1e3}


def ours(program, model, texts, *flags, off=""):
    environment = {**os.environ, "GOMAXPROCS": "2" if "-workers" in flags else "1", "GODEBUG": ",".join(f"cpu.{x}=off" for x in off.split())}
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/texts", "w") as f:
            f.writelines(json.dumps(t) + "\n" for t in texts)
        command = [program, "-model", model, "-tokens", str(LONGEST), "-texts", f"{folder}/texts", "-out", f"{folder}/out", *flags]
        report = json.loads(subprocess.run(command, check=True, capture_output=True, env=environment).stdout)
        return report, np.fromfile(f"{folder}/out", np.float32).reshape(len(texts), -1)


def ndcg(folder, program, model, *flags):
    """nDCG@10 of a retrieval set when passages are ranked by their vectors alone."""
    read = lambda name: [json.loads(line) for line in open(f"{folder}/{name}.jsonl")]
    corpus, queries, relevant = read("corpus"), read("queries"), {}
    for line in open(f"{folder}/qrels.tsv"):
        query, document, grade = line.split()[:3]
        if grade.isdigit():
            relevant.setdefault(query, {})[document] = int(grade)
    vectors = lambda rows: ours(program, model, [(r.get("title", "") + " " + r["text"]).strip() for r in rows], "-workers", "2", *flags)[1]
    scores, total, n = vectors(queries) @ vectors(corpus).T, 0, 0
    for q, row in zip(queries, scores):
        grades = relevant.get(q["_id"], {})
        gain = lambda grades: sum((2**g - 1) / np.log2(i + 2) for i, g in enumerate(grades))
        best = gain(sorted(grades.values(), reverse=True)[:10])
        if best:
            total, n = total + gain([grades.get(corpus[i]["_id"], 0) for i in np.argsort(-row)[:10]]) / best, n + 1
    return total / n


def main(program, model, evals):
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    tokenizer = Tokenizer.from_file(f"{model}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    sample = texts(evals)
    runtimes = {name: Runtime(model, name == "fused", tokenizer) for name in ("plain", "fused")}
    ours(program, model, sample[:1])  # makes the int8 file
    want = runtimes["plain"].encode(sample, 1)
    print(f"{len(sample)} texts against ONNX Runtime {onnxruntime.__version__} (float32, one text at a time):\n")
    print("| | largest difference of a number | least cosine | mean cosine |\n|---|---|---|---|")
    for name, flags in (("float32", ["-float32"]), ("int8", [])):
        report, got = ours(program, model, sample, *flags)
        cosine = (got.astype(np.float64) * want).sum(1)
        print(f"| {name}, {report['kernel']} | {np.abs(got - want).max():.1e} | {cosine.min():.6f} | {cosine.mean():.6f} |")

    sentences = of_length(tokenizer, sample, 100)[:200]
    queries = of_length(tokenizer, sample, 12)[:200]
    kinds = {"ONNX Runtime, plain graph": ("plain", None), "ONNX Runtime, fused graph": ("fused", None)}
    for kernel, off in (("AVX-512", ""), ("AVX2", "avx512f")):
        kinds |= {f"encoder, int8, {kernel}": (None, ([], off)), f"encoder, float32, {kernel}": (None, (["-float32"], off))}
    best = {}
    for _ in range(ROUNDS):
        for kind, (runtime, how) in kinds.items():
            if runtime:
                runs = [runtimes[runtime].cost(sentences, batch) for batch in (1, 8)] + [runtimes[runtime].cost(queries, 1, True)]
                pair = [min(runs[:2], key=lambda r: r["cpu_ms_each"]), runs[2]]
            else:
                pair = [ours(program, model, t, *f, *how[0], off=how[1])[0] for t, f in ((sentences, []), (queries, ["-single"]))]
            row = pair[0]["cpu_ms_each"], pair[1]["cpu_ms_each"], pair[1]["wall_ms_p50"], pair[0].get("heap_mb", 0)
            best[kind] = tuple(map(min, row, best.get(kind, row)))
    print(f"\n{len(sentences)} texts of 100 tokens, {len(queries)} queries of 12 tokens; the least of {ROUNDS} rounds:\n")
    print("| one thread | texts per CPU-second | a query, processor time | a query, p50 | heap |\n|---|---|---|---|---|")
    for kind, (text, query, wall, heap) in best.items():
        print(f"| {kind} | {1e3 / text:.1f} | {query:.2f} ms | {wall:.2f} ms | {f'{heap:.0f} MB' if heap else ''} |")

    print("\n| nDCG@10 by vectors alone | float32 | int8 |\n|---|---|---|")
    for name in ("cranfield", "cacm"):
        print(f"| {name} | {ndcg(f'{evals}/retrieval/{name}', program, model, '-float32'):.4f} | {ndcg(f'{evals}/retrieval/{name}', program, model):.4f} |")


if __name__ == "__main__":
    if sys.argv[1] == "texts":
        print("\n".join(map(json.dumps, texts(sys.argv[2]))))
    else:
        main(*sys.argv[1:])

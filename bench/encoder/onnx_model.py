"""Writes the ONNX graph of a BERT model in a folder (config.json, model.safetensors), for ONNX Runtime to run.

    python onnx_model.py FOLDER OUT.onnx [plain|fused]

The inputs are input_ids, attention_mask and token_type_ids (int64, batch x length), the output is last_hidden_state, or logits where
the model has a classification head. "plain" uses ONNX's own operators alone; "fused" uses those that ONNX Runtime has for
BERT (EmbedLayerNormalization, Attention, SkipLayerNormalization, BiasGelu), as its transformer optimizer makes them.
"""
import json
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file


def build(folder, fused):
    config = json.load(open(f"{folder}/config.json"))
    weights = {k: v.astype(np.float32) for k, v in load_file(f"{folder}/model.safetensors").items() if v.dtype.kind == "f"}
    root = "bert." if "bert.embeddings.word_embeddings.weight" in weights else ""
    eps, heads, hidden = config["layer_norm_eps"], config["num_attention_heads"], config["hidden_size"]
    nodes, constants = [], {}

    def const(value, name):
        if name not in constants:
            constants[name] = numpy_helper.from_array(np.array(value, order="C"), name)
        return name

    def weight(name):
        return const(weights[name], name)

    def node(op, inputs, domain="", outputs=1, **attributes):
        name = f"n{len(nodes)}"
        names = [name] + [f"{name}_{i}" for i in range(1, outputs)]
        nodes.append(helper.make_node(op, inputs, names, name=name, domain=domain, **attributes))
        return name

    def linear(x, name):
        y = node("MatMul", [x, const(weights[name + ".weight"].T, name + ".weight.T")])
        return node("Add", [y, weight(name + ".bias")])

    def norm(x, name):
        return node("LayerNormalization", [x, weight(name + ".weight"), weight(name + ".bias")], axis=-1, epsilon=eps)

    def skip(x, y, bias, name):
        return node("SkipLayerNormalization", [x, y, weight(name + ".weight"), weight(name + ".bias"), bias], domain="com.microsoft", epsilon=eps)

    e = root + "embeddings."
    if fused:
        mask = node("Cast", [node("ReduceSum", ["attention_mask", const(np.array([1]), "one")], keepdims=0)], to=TensorProto.INT32)
        ids, types = (node("Cast", [x], to=TensorProto.INT32) for x in ("input_ids", "token_type_ids"))
        x = node("EmbedLayerNormalization", [ids, types] + [weight(e + n + "_embeddings.weight") for n in ("word", "position", "token_type")] +
                 [weight(e + "LayerNorm.weight"), weight(e + "LayerNorm.bias")], domain="com.microsoft", outputs=2, epsilon=eps)
    else:
        words = node("Gather", [weight(e + "word_embeddings.weight"), "input_ids"])
        types = node("Gather", [weight(e + "token_type_embeddings.weight"), "token_type_ids"])
        length = node("Gather", [node("Shape", ["input_ids"]), const(np.array([1]), "one")])
        places = node("Slice", [weight(e + "position_embeddings.weight"), const(np.array([0]), "zero"), length])
        x = norm(node("Add", [node("Add", [words, types]), places]), e + "LayerNorm")
        mask = node("Cast", ["attention_mask"], to=TensorProto.FLOAT)
        mask = node("Mul", [node("Sub", [mask, const(np.float32(1), "onef")]), const(np.float32(3e38), "huge")])
        mask = node("Unsqueeze", [mask, const(np.array([1, 2]), "axes12")])
    for i in range(config["num_hidden_layers"]):
        p = f"{root}encoder.layer.{i}."
        names = [p + "attention.self." + n for n in ("query", "key", "value")]
        if fused:
            w = const(np.concatenate([weights[n + ".weight"].T for n in names], axis=1), p + "qkv.weight")
            b = const(np.concatenate([weights[n + ".bias"] for n in names]), p + "qkv.bias")
            a = node("Attention", [x, w, b, mask], domain="com.microsoft", num_heads=heads)
            a = node("MatMul", [a, const(weights[p + "attention.output.dense.weight"].T, p + "o.weight")])
            x = skip(a, x, weight(p + "attention.output.dense.bias"), p + "attention.output.LayerNorm")
            f = node("MatMul", [x, const(weights[p + "intermediate.dense.weight"].T, p + "up.weight")])
            f = node("BiasGelu", [f, weight(p + "intermediate.dense.bias")], domain="com.microsoft")
            f = node("MatMul", [f, const(weights[p + "output.dense.weight"].T, p + "down.weight")])
            x = skip(f, x, weight(p + "output.dense.bias"), p + "output.LayerNorm")
            continue
        shape = const(np.array([0, 0, heads, hidden // heads]), "split")
        q, k, v = (node("Reshape", [linear(x, n), shape]) for n in names)
        q, v = (node("Transpose", [y], perm=[0, 2, 1, 3]) for y in (q, v))
        k = node("Transpose", [k], perm=[0, 2, 3, 1])
        s = node("Div", [node("MatMul", [q, k]), const(np.float32(np.sqrt(hidden // heads)), "root")])
        s = node("Softmax", [node("Add", [s, mask])], axis=-1)
        a = node("Transpose", [node("MatMul", [s, v])], perm=[0, 2, 1, 3])
        a = node("Reshape", [a, const(np.array([0, 0, hidden]), "join")])
        x = norm(node("Add", [linear(a, p + "attention.output.dense"), x]), p + "attention.output.LayerNorm")
        f = node("Gelu", [linear(x, p + "intermediate.dense")])
        x = norm(node("Add", [linear(f, p + "output.dense"), x]), p + "output.LayerNorm")
    output = "last_hidden_state"
    if "classifier.weight" in weights:
        output = "logits"
        x = node("Gather", [x, const(np.array(0), "first")], axis=1)
        x = linear(node("Tanh", [linear(x, root + "pooler.dense")]), "classifier")
    nodes.append(helper.make_node("Identity", [x], [output]))
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "length"]) for n in ("input_ids", "attention_mask", "token_type_ids")]
    graph = helper.make_graph(nodes, "bert", inputs, [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)], list(constants.values()))
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)])


if __name__ == "__main__":
    onnx.save(build(sys.argv[1], sys.argv[3:] == ["fused"]), sys.argv[2])

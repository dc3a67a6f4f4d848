"""Makes a folder that the encoder reads of an ONNX file of a BERT model, as PyTorch exports it, and its tokenizer.json.

    python from_onnx.py MODEL.onnx TOKENIZER.json FOLDER HEADS mean|cls

The matrices have lost their names in such a file: each is found by the bias that is added to its product. HEADS is not in it.
"""
import json
import os
import shutil
import sys

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file


def weights(graph):
    tensors = {t.name: t for t in graph.initializer}
    made = {name: node for node in graph.node for name in node.output}
    value = lambda name: numpy_helper.to_array(tensors[name])
    out = {name: value(name) for name in tensors if name.endswith((".weight", ".bias"))}
    for add in graph.node:
        bias = [i for i in add.input if i.endswith(".bias") and i in tensors]
        product = [made[i] for i in add.input if i in made and made[i].op_type == "MatMul"]
        if add.op_type == "Add" and bias and product:
            out[bias[0].removesuffix("bias") + "weight"] = value(product[0].input[1]).T
    return {name: np.array(w, np.float32, order="C") for name, w in out.items()}


def epsilon(graph):
    """What is added to a variance before its root is taken."""
    constants = {n.output[0]: numpy_helper.to_array(n.attribute[0].t) for n in graph.node if n.op_type == "Constant"}
    roots = {i for n in graph.node if n.op_type == "Sqrt" for i in n.input}
    found = {float(constants[i]) for n in graph.node if n.op_type == "Add" and n.output[0] in roots for i in n.input if i in constants}
    (only,) = found
    return only


def main(model, tokenizer, folder, heads, pooling):
    graph = onnx.load(model).graph
    w = weights(graph)
    write = lambda name, value: json.dump(value, open(f"{folder}/{name}", "w"), indent=2)
    os.makedirs(f"{folder}/1_Pooling", exist_ok=True)
    (vocabulary, hidden), (positions, _), (types, _) = (w[f"embeddings.{k}_embeddings.weight"].shape for k in ("word", "position", "token_type"))
    write("config.json", {
        "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": hidden, "num_attention_heads": int(heads),
        "num_hidden_layers": sum(k.endswith("intermediate.dense.weight") for k in w), "layer_norm_eps": epsilon(graph), "vocab_size": vocabulary,
        "intermediate_size": len(w["encoder.layer.0.intermediate.dense.bias"]), "max_position_embeddings": positions, "type_vocab_size": types,
    })
    write("1_Pooling/config.json", {"pooling_mode_cls_token": pooling == "cls", "pooling_mode_mean_tokens": pooling == "mean"})
    save_file(w, f"{folder}/model.safetensors")
    shutil.copy(tokenizer, f"{folder}/tokenizer.json")
    shutil.copy(model, f"{folder}/model.onnx")  # for compare.py


main(*sys.argv[1:])

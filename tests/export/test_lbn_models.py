"""The LBN layer and networks around it as ONNX and TFLite files, against PyTorch."""

from collections import Counter

import numpy as np
import onnxruntime
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter

from export.lbn import NORM_PATTERN
from export.lbn_folding import folded
from export.onnx_model import to_onnx
from export.tflite_model import quantize_tflite, to_tflite
from training.networks.lbn import LbnNet
from training.networks.local_batch_norm import LocalBatchNorm2d

# Patches of 16, 12 and 9 pixels.
SIDE, BLOCK = 7, 4


def images(count=24, channels=1, side=SIDE):
    made = torch.Generator().manual_seed(4)
    level = torch.rand(count, channels, side, side, generator=made)
    return level * (torch.rand(level.shape, generator=made) < 0.5)


def seen(module, x):
    """In eval mode, with statistics of x."""
    with torch.no_grad():
        module.train()(x)
    return module.eval()


def network(**settings):
    torch.manual_seed(2)
    net = LbnNet(**({"n_places": 5, "side": SIDE, "block": BLOCK, "momentum": 0.0} | settings))
    return seen(net, images())


def by_onnx(model, x):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"input": row[None].numpy()})[0] for row in x])


def by_tflite(model, x):
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    found = []
    for row in x:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], row[None].numpy())
        interpreter.invoke()
        found.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    return np.concatenate(found)


@pytest.mark.parametrize("settings", [{}, {"scope": "sample"}, {"edges": "crop"}], ids=str)
def test_the_layer_alone_in_onnx(settings):
    layer = LocalBatchNorm2d(3, (SIDE, SIDE), BLOCK, momentum=0.0, **settings)
    x = images(channels=3)
    seen(layer, x)
    made = by_onnx(to_onnx(layer, (1, 3, SIDE, SIDE), ("y",)), x[:4])
    np.testing.assert_allclose(made, layer(x[:4]).detach(), atol=1e-5)


@pytest.mark.parametrize("settings", [{"norm": "bn"}, {"norm": "ln"}], ids=str)
def test_folded_networks_in_onnx(settings):
    net, x = network(**settings), images()[:4]
    made = by_onnx(to_onnx(folded(net), (1, 1, SIDE, SIDE), ("logits",)), x)
    np.testing.assert_allclose(made, net.scores(x).detach(), atol=1e-5)


def test_statistics_of_the_scan_in_tflite():
    """In float32 among int8 layers, as bundles have them: nearer than in int8."""
    net, x = network(scope="sample", eps=1e-5), images()
    model, wanted = to_tflite(folded(net), (1, 1, SIDE, SIDE)), net.scores(x).detach().numpy()
    np.testing.assert_allclose(by_tflite(model, x[:4]), wanted[:4], atol=1e-4)
    off = [
        np.abs(by_tflite(quantize_tflite(model, x.numpy(), kept), x) - wanted).mean()
        for kept in ([], [NORM_PATTERN])
    ]
    assert off[1] < 0.7 * off[0]
    assert off[1] < 0.02 * np.ptp(wanted)


def test_what_a_patchwise_norm_costs_an_int8_model_in_tflite():
    """One multiplication and one addition of int8 maps; no grid is repeated, no root taken and
    nothing leaves int8 between the input and the scores (the trap of a norm as it was trained)."""
    net, x = network(), images()
    float_model = to_tflite(folded(net), (1, 1, SIDE, SIDE))
    np.testing.assert_allclose(by_tflite(float_model, x[:4]), net.scores(x[:4]).detach(), atol=1e-4)
    model = quantize_tflite(float_model, x.numpy())
    operations = Counter(o["op_name"] for o in Interpreter(model_content=model)._get_ops_details())
    assert {n: operations[n] for n in ("MUL", "ADD", "QUANTIZE", "DEQUANTIZE")} == {
        "MUL": 1, "ADD": 1, "QUANTIZE": 1, "DEQUANTIZE": 1,
    }  # fmt: skip
    assert not {"BROADCAST_TO", "TILE", "RSQRT", "SQRT", "DIV", "SUB"} & set(operations)
    wanted = net.scores(x).detach().numpy()
    spread = wanted.max() - wanted.min()
    assert np.abs(by_tflite(model, x) - wanted).max() < 0.1 * spread

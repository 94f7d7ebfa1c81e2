"""Write the HDF5 files of the second blind list; run by hand with h5py 3.16, the files are committed.

The opcodes of what they hold are harmless, and nothing in them is ever loaded.
"""

# ruff: noqa: S108 - one technique a line, however long; paths in payloads that nothing runs

import json
from pathlib import Path

import h5py
import numpy as np

FOLDER = Path(__file__).parent / "files"
HARM = b"cos\nsystem\n(S'echo lockgate-blind'\ntR."


def new(name: str) -> h5py.File:
    """Open a fresh file with the attributes that Keras 2 writes."""
    file = h5py.File(FOLDER / name, "w", libver="earliest", track_order=False)
    file.attrs["backend"] = "tensorflow"
    file.attrs["keras_version"] = "2.15.0"
    return file


def config(*layers: dict) -> str:
    """Return a model's configuration of these layers."""
    return json.dumps({"class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}})


def main() -> None:
    """Write all files."""
    with new("external_link.h5") as file:
        file["w"] = h5py.ExternalLink("/etc/hostname", "/w")
    with new("external_storage.h5") as file:
        file.create_dataset("w", (4,), "u1", external=[("/etc/hostname", 0, 4)])
    with new("virtual.h5") as file:
        layout = h5py.VirtualLayout((4,), "u1")
        layout[:] = h5py.VirtualSource("/tmp/other.h5", "w", (4,))
        file.create_virtual_dataset("w", layout)
    with new("lambda.h5") as file:
        file.attrs["model_config"] = config(
            {
                "class_name": "Lambda",
                "config": {"name": "l", "function": ["4wEAAAA=", None, None], "function_type": "lambda"},
            }
        )
    with new("inner_lambda.h5") as file:
        inner = json.loads(
            config(
                {
                    "class_name": "Lambda",
                    "config": {"name": "l", "function": "f", "function_type": "function", "module": "evil"},
                }
            )
        )
        file.attrs["model_config"] = config(
            {"class_name": "TimeDistributed", "config": {"name": "t", "layer": inner}}
        )
    with new("custom.h5") as file:
        file.attrs["model_config"] = config({"class_name": "evil>Layer", "config": {"name": "c"}})
    with new("training.h5") as file:
        file.attrs["model_config"] = config({"class_name": "Dense", "config": {"name": "d", "units": 1}})
        file.attrs["training_config"] = json.dumps(
            {
                "loss": {
                    "module": "builtins",
                    "class_name": "function",
                    "config": "exec",
                    "registered_name": "function",
                }
            }
        )
    with new("pytables.h5") as file:
        file.attrs["PYTABLES_FORMAT_VERSION"] = np.bytes_("2.1")
        file.attrs["TITLE"] = np.void(HARM)
        file.attrs["CLASS"] = np.bytes_("GROUP")
    with new("objects.h5") as file:
        file.create_dataset("values", data=np.void(HARM))
    with new("plain.weights.h5") as file:
        file.create_dataset("w", data=np.arange(4, dtype="f4"))
    with h5py.File(FOLDER / "userblock.h5", "w", userblock_size=512) as file:
        file.create_dataset("w", data=np.arange(4, dtype="f4"))
    path = FOLDER / "userblock.h5"
    path.write_bytes(
        (b"#!/bin/sh\necho lockgate-blind\nexit 0\n").ljust(512, b"\n") + path.read_bytes()[512:]
    )
    with h5py.File(FOLDER / "filter.h5", "w") as file:
        space = h5py.h5s.create_simple((4,))
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((4,))
        plist.set_filter(32_999, h5py.h5z.FLAG_OPTIONAL, ())
        h5py.h5d.create(file.id, b"w", h5py.h5t.IEEE_F32LE, space, plist)


if __name__ == "__main__":
    main()

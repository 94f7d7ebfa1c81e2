from __future__ import annotations

import numpy as np
import pytest

from lockgate.errors import InputError
from lockgate.poisoning.arrays import is_npz, read_npz


def saved(path, **arrays):
    with (path / "images").open("wb") as file:
        np.savez(file, **arrays)
    return path / "images"


def test_images_become_a_column_a_pixel_and_a_column_an_array(tmp_path):
    x = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    path = saved(tmp_path, X=x, y=np.array([0, 1]), source=np.array(["a", "b"]))
    assert is_npz(path)
    table = read_npz(path)
    assert table.column_names[:2] == ["pixel_0_0", "pixel_0_1"]
    assert table.column_names[-2:] == ["y", "source"]
    assert table["pixel_2_3"].to_pylist() == [11.0, 23.0]


def test_embeddings_become_a_column_a_number(tmp_path):
    table = read_npz(saved(tmp_path, X=np.eye(3), y=np.arange(3)))
    assert table.column_names == ["x0", "x1", "x2", "y"]


def test_large_images_are_made_smaller_by_means(tmp_path):
    x = np.zeros((2, 130, 130, 1))
    x[:, :3, :3] = 9.0
    table = read_npz(saved(tmp_path, X=x))
    assert table.num_columns <= 4_096
    assert table["pixel_0_0_0"].to_pylist() == [9.0, 9.0]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"y": np.arange(3)}, "no array X"),
        ({"X": np.eye(3), "y": np.arange(2)}, "each of the 3 rows"),
        ({"X": np.arange(3)}, "has shape"),
        ({"X": np.array([[object()]])}, "cannot be read as .npz"),
        ({"X": np.eye(2), "x0": np.arange(2)}, "rename it"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_sentence(tmp_path, arrays, said):
    with pytest.raises(InputError, match=said):
        read_npz(saved(tmp_path, **arrays))


def test_a_damaged_file_is_refused_in_one_sentence(tmp_path):
    path = saved(tmp_path, X=np.eye(40))
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(InputError, match="cannot be read as"):
        read_npz(path)

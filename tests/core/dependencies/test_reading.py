"""What files of dependencies say: requirements, locks, and what is installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.dependencies import address, read, requirements
from lockgate.errors import InputError

ROOT = Path(__file__).parents[3]
DIGEST = "a" * 64
OTHER = "B" * 64
COMMIT = "0123456789" * 4

UV = f"""
version = 1
requires-python = ">=3.10"

[[package]]
name = "mine"
version = "0.1.0"
source = {{ virtual = "." }}

[[package]]
name = "requests"
version = "2.31.0"
source = {{ registry = "https://pypi.org/simple" }}
sdist = {{ url = "https://a.example/requests-2.31.0.tar.gz", hash = "sha256:{DIGEST}", size = 1 }}
wheels = [{{ url = "https://a.example/requests-2.31.0-py3-none-any.whl", hash = "sha256:{OTHER}" }}]

[[package]]
name = "tool"
version = "1.0"
source = {{ git = "https://u:pa55word@a.example/tool?rev=main#{COMMIT}" }}
"""
PYLOCK = f"""
lock-version = "1.0"
created-by = "uv"

[[packages]]
name = "requests"
version = "2.31.0"
index = "https://pypi.org/simple"
wheels = [{{ url = "https://a.example/r-2.31.0-py3-none-any.whl", hashes = {{ sha256 = "{DIGEST}" }} }}]

[[packages]]
name = "weak"
version = "1.0"
wheels = [{{ url = "https://a.example/weak-1.0-py3-none-any.whl", hashes = {{ md5 = "00" }} }}]

[[packages]]
name = "tool"
vcs = {{ type = "git", url = "https://a.example/tool", commit-id = "{COMMIT}" }}
"""


def parsed(tmp_path: Path, text: str):
    path = tmp_path / "requirements"  # what a stage reads has lost its name
    path.write_text(text)
    return read(path)


def test_a_requirements_file_is_read_line_by_line(tmp_path):
    inventory = parsed(
        tmp_path,
        f"""# a comment
--index-url https://user:pa55word@index.example/simple
--extra-index-url https://other.example/simple
Requests[security]==2.31.0 ; python_version >= '3.8' \\
    --hash=sha256:{DIGEST} \\
    --hash=sha256:{OTHER} --hash=sha256:{DIGEST}
    # via nobody
Flask>=2,<3   # why
pinned.name===1.0
star==1.*
tool @ git+https://a.example/tool@{COMMIT}
moving @ git+https://a.example/tool@main
wheel @ https://a.example/wheel-1.2-py3-none-any.whl#sha256={DIGEST}
-e ./mine
./local.whl
""",
    )
    said = {p.key: (p.version, len(p.digests), p.source, p.fixed) for p in inventory.packages}
    assert said == {
        "requests": ("2.31.0", 2, "index", False),
        "flask": (None, 0, "index", False),
        "pinned-name": ("1.0", 0, "index", False),
        "star": (None, 0, "index", False),
        "tool": (None, 0, "vcs", True),
        "moving": (None, 0, "vcs", False),
        "wheel": ("1.2", 1, "url", True),
        "mine": (None, 0, "editable", False),
        "local": (None, 0, "path", False),
    }
    assert [p.line for p in inventory.packages][:2] == [4, 8]
    assert {r.kind for r in inventory.remarks} == {"index", "extra-index", "credentials"}
    assert not any("pa55word" in r.text for r in inventory.remarks)
    assert not inventory.closed
    assert inventory.unreadable == {}


@pytest.mark.parametrize(
    "line",
    ["requests==", "!!!", "name with spaces", "--new-option x", "${WHAT}==1", "a==1 --hash=sha256:xyz"],
)
def test_a_line_that_cannot_be_read_is_kept_as_such_and_the_others_are_read(tmp_path, line):
    inventory = parsed(tmp_path, f"good==1\n{line}\n")
    assert [p.key for p in inventory.packages] == ["good"]
    assert list(inventory.unreadable) == ["line 2"]


@pytest.mark.parametrize(
    ("value", "name", "source", "fixed"),
    [
        ("./mine", "mine", "editable", False),
        ("file:///srv/mine", "mine", "editable", False),
        ("git+https://a.example/me/tool@main#egg=other", "other", "vcs", False),
        ("git+ssh://git@a.example/me/tool.git", "tool", "vcs", False),
        (f"git+https://a.example/me/tool@{COMMIT}", "tool", "vcs", True),
        ("tool@git+https://a.example/me/x@main", "tool", "vcs", False),
        ("'tool[all] @ git+https://a.example/me/x@main'", "tool", "vcs", False),
        ("https://a.example/tool.tar.gz#egg=tool", "tool", "url", False),
    ],
)
@pytest.mark.parametrize("option", ["-e ", "-e", "--editable=", "--no-index --editable "])
def test_what_is_installed_editable_comes_from_where_it_is_fetched(
    tmp_path, option, value, name, source, fixed
):
    (package,) = parsed(tmp_path, f"{option}{value}\n").packages
    assert (package.name, package.source, package.fixed) == (name, source, fixed)


def test_every_option_of_a_line_is_read(tmp_path):
    inventory = parsed(
        tmp_path,
        "--pre -i https://pypi.org/simple --extra-index-url=https://b.example/simple"
        " --trusted-host b.example\n"
        "--no-binary :all: -e git+https://a.example/x@main\n"
        "--require-hashes -f http://c.example/links\n"
        "--no-index unexpected\n",
    )
    assert [(r.kind, r.text) for r in inventory.remarks if r.kind != "pre"] == [
        ("index", "https://pypi.org/simple"),
        ("extra-index", "https://b.example/simple"),
        ("trusted-host", "b.example"),
        ("plain", "http://c.example/links"),
        ("find-links", "http://c.example/links"),
    ]
    assert [p.name for p in inventory.packages] == ["x"]
    assert list(inventory.unreadable) == ["line 4"]


def test_weak_or_cut_digests_do_not_count(tmp_path):
    inventory = parsed(
        tmp_path, f"a==1 --hash=md5:{'0' * 32}\nb==1 --hash=sha256:{DIGEST[:-1]}\nc==1 --hash=sha256:{DIGEST}"
    )
    assert [len(p.digests) for p in inventory.packages] == [0, 0, 1]


def test_includes_inside_a_folder_are_followed_and_constraints_pin(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "requirements.txt").write_text("-r sub/more.txt\n-c constraints.txt\na\n")
    (tmp_path / "sub" / "more.txt").write_text("-r ../requirements.txt\nb==2\n")
    (tmp_path / "constraints.txt").write_text("a==1\nnot-used==1\n")
    inventory = read(tmp_path)
    assert [(p.key, p.version, p.member) for p in inventory.packages] == [
        ("b", "2", "sub/more.txt"),
        ("a", "1", "requirements.txt"),
    ]


@pytest.mark.parametrize(
    "target", ["../outside.txt", "/etc/passwd", "a/../../outside.txt", "https://a.example/r.txt", ""]
)
def test_an_include_that_leads_elsewhere_is_refused(tmp_path, target):
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "outside.txt").write_text("a==1\n")
    (folder / "requirements.txt").write_text(f"-r {target}\n")
    with pytest.raises(InputError, match="includes"):
        read(folder)


def test_an_include_of_a_lone_file_asks_for_the_folder(tmp_path):
    with pytest.raises(InputError, match="give the folder"):
        parsed(tmp_path, "-r other.txt\n")


def test_uv_lock_is_read_and_the_project_itself_left_out(tmp_path):
    inventory = parsed(tmp_path, UV)
    assert inventory.kind == "uv.lock"
    assert inventory.closed
    assert inventory.own == 1
    assert [(p.key, p.version, len(p.digests), p.source) for p in inventory.packages] == [
        ("requests", "2.31.0", 2, "index"),
        ("tool", "1.0", 0, "vcs"),
    ]
    assert inventory.packages[1].fixed
    assert "pa55word" not in repr(inventory)


def test_a_file_without_a_digest_in_a_lock_takes_the_digests_of_its_package_away(tmp_path):
    inventory = parsed(tmp_path, UV.replace(f', hash = "sha256:{OTHER}" }}]', " }]"))
    assert inventory.packages[0].digests == ()


def test_pylock_is_read(tmp_path):
    inventory = parsed(tmp_path, PYLOCK)
    assert inventory.kind == "pylock.toml"
    assert [(p.key, p.version, len(p.digests), p.source, p.fixed) for p in inventory.packages] == [
        ("requests", "2.31.0", 1, "index", True),
        ("weak", "1.0", 0, "index", False),
        ("tool", None, 0, "vcs", True),
    ]


@pytest.mark.parametrize(
    "text",
    [
        'lock-version = "2.0"\n',
        'version = 2\n[[package]]\nname = "a"\n',
        'version = 1\n[[package]]\nversion = "1"\n',
        "version = 1\npackage = 3\n",
        "[tool]\nx = 1\n",
        'version = 1\n[[package]\nname = "a"\n',
        "version = 1\nversion = 1\n",
        "version = 1\nx = " + "[" * 5_000 + "]" * 5_000,
        "a==1\x00",
    ],
)
def test_a_lock_that_is_not_what_it_should_be_is_refused(tmp_path, text):
    with pytest.raises(InputError):
        parsed(tmp_path, text)


def test_an_installed_folder_is_read_without_importing_it(tmp_path):
    for name, more in (
        ("good", "License-Expression: MIT\n"),
        ("old", "Classifier: License :: OSI Approved :: MIT License\n"),
        ("editable", ""),
    ):
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{more}\nName: readme\n"
        )
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')\n")
    (tmp_path / "editable-1.0.dist-info" / "direct_url.json").write_text(
        '{"url": "file:///home/carla/editable", "dir_info": {"editable": true}}'
    )
    (tmp_path / "broken-1.0.dist-info").mkdir()
    inventory = read(tmp_path)
    assert [(p.key, p.licence, p.source) for p in inventory.packages] == [
        ("editable", None, "editable"),
        ("good", "MIT", "index"),
        ("old", "MIT License", "index"),
    ]
    assert "carla" not in repr(inventory.packages)
    assert list(inventory.unreadable) == ["broken-1.0.dist-info"]


def test_our_own_lock_is_read_as_another_reader_reads_it():
    parser = pytest.importorskip("pip_requirements_parser")
    path = ROOT / "requirements" / "core.txt"
    theirs = parser.RequirementsFile.from_file(str(path))
    ours = requirements.read(path)
    assert ours.closed
    assert ours.unreadable == {}
    assert [(p.key, p.version, len(p.digests)) for p in ours.packages] == [
        (re.sub(r"[-_.]+", "-", r.name).lower(), r.get_pinned_version, len(r.hash_options))
        for r in theirs.requirements
    ]


@given(st.text(alphabet="a1=<>~!;@#-./\\ \n\"'[]{}$:rc\t,", max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused_with_a_sentence(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "fuzzed"
    path.write_text(text)
    try:
        inventory = requirements.read(path)
    except InputError:
        return
    assert len(inventory.packages) + len(inventory.unreadable) <= text.count("\n") + 1


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_address_shows_what_stands_before_its_at_sign(text):
    found = address.parse("https://user:" + "s3cr3t" + "@a.example/" + text)
    assert "s3cr3t" not in found.shown
    assert found.credentials

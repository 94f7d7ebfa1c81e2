"""The committed faces are what the templates write, and a newcomer's stage gets the same."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from lockgate import faces
from lockgate.stage import every, find

ROOT = Path(__file__).parents[2]
WRITTEN = [spec for spec in every() if not spec.handwritten]


@pytest.mark.parametrize("spec", WRITTEN, ids=lambda spec: spec.stem)
def test_a_committed_face_is_what_its_template_writes(spec):
    found = faces.faces([spec], ROOT / "operators/lockgate_airflow", ROOT / "components/lockgate_kfp")
    assert [face.path.name for face in found if face.stale] == []


def test_one_stem_leads_to_a_stage_everywhere():
    for spec in every():
        stem = f"{spec.stem}.py"
        assert (ROOT / "operators/lockgate_airflow" / stem).exists()
        assert (ROOT / "components/lockgate_kfp" / stem).exists()
        assert (ROOT / "components/lockgate_kfp/yaml" / f"{spec.stem}.yaml").exists()
        assert (ROOT / "tests/core/stages" / spec.lifecycle / f"test_{stem}").exists()


@pytest.mark.parametrize("spec", WRITTEN, ids=lambda spec: spec.stem)
def test_an_operator_names_every_parameter_with_the_stages_default(spec):
    (made,) = (n for n in ast.parse(faces.operator(spec)).body if isinstance(n, ast.ClassDef))
    init = next(n for n in made.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    assert made.name == faces.class_name(spec)
    assert [a.arg for a in init.args.kwonlyargs] == [p.name for p in spec.parameters]
    required = {
        a.arg for a, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True) if not default
    }
    assert required == {p.name for p in spec.parameters if p.required}
    for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
        parameter = next(p for p in spec.parameters if p.name == argument.arg)
        if default is not None and parameter.artifact is None:
            assert ast.literal_eval(default) == parameter.default


def test_writing_for_a_stage_of_another_package_twice_changes_nothing_the_second_time(tmp_path):
    (tmp_path / "my_stage.py").write_text(
        '"""Mine."""\n\nfrom lockgate.outcome import Outcome\nfrom lockgate.stage import FileIn, stage\n\n\n'
        '@stage("my-stage")\ndef my_stage(data: FileIn, *, most: int = 3) -> Outcome:\n'
        '    """Look at my file.\n\n    Args:\n        data: The file.\n        most: A number.\n    """\n'
        "    return Outcome()\n"
    )
    command = [
        *(sys.executable, "-m", "lockgate.faces", "--stage", "my_stage:my_stage"),
        *("--operators", "operators", "--components", "components"),
    ]
    runs = [
        subprocess.run([*command, way], cwd=tmp_path, capture_output=True, text=True, check=False)
        for way in ("--check", "--write", "--write", "--check")
    ]
    assert [run.returncode for run in runs] == [1, 0, 0, 0], [run.stderr for run in runs]
    assert runs[1].stdout.count("wrote") == 3
    assert runs[2].stdout == ""
    assert "class MyStageOperator" in (tmp_path / "operators" / "my_stage.py").read_text()
    assert find("verify-artifact").gate

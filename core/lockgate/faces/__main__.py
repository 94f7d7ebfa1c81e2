"""`python -m lockgate.faces --write` writes the faces; `--check` exits 1 when one is stale."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lockgate import artifact, faces
from lockgate.stage import every, find

_NO_STAGES = ["export_result"]  # components written by hand that are no stages
_ROOT = Path(__file__).parents[3]


def main() -> int:
    """Write or check the faces and say which changed."""
    parser = argparse.ArgumentParser(prog="python -m lockgate.faces", description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="write what has changed")
    mode.add_argument("--check", action="store_true", help="exit 1 when something would change")
    parser.add_argument(
        "--stage", action="append", metavar="MODULE:FUNCTION", help="only this stage, repeatable"
    )
    parser.add_argument("--operators", type=Path, metavar="DIR", help="folder of the operators")
    parser.add_argument("--components", type=Path, metavar="DIR", help="folder of the components")
    given = parser.parse_args()
    ours = given.operators is None and given.components is None
    operators = _ROOT / "operators/lockgate_airflow" if ours else given.operators
    components = _ROOT / "components/lockgate_kfp" if ours else given.components
    stages = [find(ref) for ref in given.stage] if given.stage else list(every())

    changed = _settle(faces.faces(stages, operators, components), given.write)
    if components is not None:
        stems = [s.stem for s in stages if (components / f"{s.stem}.py").exists()]
        stems += _NO_STAGES if ours and not given.stage else []
        changed += _settle(faces.compiled(components, stems), given.write)
    for path in changed:
        print(f"{'wrote' if given.write else 'stale'} {path}")
    if changed and given.check:
        print("run `make faces` and commit what it writes", file=sys.stderr)
    return 1 if changed and given.check else 0


def _settle(found: object, write: bool) -> list[Path]:
    changed = []
    for face in found:  # type: ignore[attr-defined]
        if face.stale:
            changed.append(face.path)
            if write:
                with artifact.written_whole(face.path) as temporary:
                    temporary.write_text(face.text, "utf-8")
    return changed


if __name__ == "__main__":
    sys.exit(main())

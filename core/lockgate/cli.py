"""The command line, derived from the signatures of the stages.

    lockgate STAGE --INPUT URI ... --PARAM VALUE ... --out DIR [--policy FILE] [--key FILE]

Exit codes: 0 the gate opens (PASS, WARN); 1 it is closed (FAIL, INCONCLUSIVE); 2 wrong usage or
unusable input, with one sentence that says what and where; 3 the stage could not run.
``--report-only`` turns 1 into 0.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from lockgate import __version__
from lockgate import stage as stages
from lockgate.errors import InputError, LockgateError, StageError

if TYPE_CHECKING:
    from lockgate.result import Result
    from lockgate.stage import Parameter, Stage

# Commands that look at no dataset or model, and so are no stages: name -> module, help.
_COMMANDS = {
    "keygen": ("lockgate.commands.keygen", "Make a key pair for signing attestations."),
    "public-key": ("lockgate.commands.public_key", "Print the public half of a private key."),
    "ledger": ("lockgate.commands.ledger", "Audit the ledger, sign it, prove what stands in it."),
    "sign-policy": ("lockgate.commands.sign_policy", "Approve a policy, so that a release gate takes it."),
    "waive": ("lockgate.commands.waive", "Excuse findings about one artifact, for a time and with a reason."),
    "explain-gate": (
        "lockgate.commands.explain_gate",
        "Say what a release lacks, who may produce it, and with which command.",
    ),
    "publish": ("lockgate.commands.publish", "Put an attestation into the evidence store and the ledger."),
    "export": ("lockgate.commands.export", "Write a result as SARIF or JUnit XML."),
    "answer": ("lockgate.commands.answer", "Run a request of another interpreter (place=Interpreter)."),
    "policy-schema": (
        "lockgate.commands.policy_schema",
        "Print the JSON Schema of lockgate.yaml for editors.",
    ),
}
# Options of every stage beside --policy and --key; see `lockgate.settings`.
_SETTINGS = (
    ("policy_key", "FILE", "public key of who may sign the policy"),
    ("evidence", "URL", "folder or URL of the evidence store, into which the attestation goes too"),
    ("ledger", "URL", "SQLite file or database URL of the ledger, to which it is appended"),
    ("trust_state", "FILE", "what the release gate remembers"),
)
_EXPORTS = (
    ("sarif", "write the result as SARIF 2.1.0 too, for code hosts and dashboards"),
    ("junit", "write the result as JUnit XML too, for build servers"),
)
_EXIT_CODES = "exit codes: 0 gate open, 1 gate closed, 2 unusable input, 3 could not run"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    with contextlib.suppress(AttributeError):  # no stream at all, or one of another kind
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        return _dispatch(words)
    except LockgateError as error:
        print(_hidden(f"lockgate: {error}", words), file=sys.stderr)
        if os.environ.get("LOCKGATE_DEBUG") and error.__cause__:
            _trace(words)
        return error.exit_code
    except BrokenPipeError:  # the reader of help, such as `head`, has gone; results see to it themselves
        _deafen()
        return 0
    except Exception as error:  # noqa: BLE001 - a person sees one sentence, whatever went wrong
        if os.environ.get("LOCKGATE_DEBUG"):
            _trace(words)
            return StageError.exit_code
        said = " ".join(f"{type(error).__name__}: {error}".split())
        hint = "set LOCKGATE_DEBUG=1 to see where"
        print(_hidden(f"lockgate: could not run: {said}; {hint}", words), file=sys.stderr)
        return StageError.exit_code
    except KeyboardInterrupt:
        print("lockgate: stopped", file=sys.stderr)
        return 130
    except SystemExit as end:
        if end.code:  # `lockgate.artifact.private_folder` ends a run on a signal with 128 + its number
            print("lockgate: stopped", file=sys.stderr)
        raise


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_overview(), flush=True)
        return 0
    if words[0] in ("-V", "--version"):
        print(f"lockgate {__version__}")
        return 0
    name, rest = words[0], words[1:]
    if name in _COMMANDS:
        module = importlib.import_module(_COMMANDS[name][0])
        parser = _Parser(prog=f"lockgate {name}", description=_COMMANDS[name][1], allow_abbrev=False)
        module.add_arguments(parser)
        return int(module.main(parser.parse_args(rest)))
    if name.startswith("-"):
        raise InputError(f"{name} stands before the stage; write `lockgate STAGE {name} ...`")
    return _run_stage(stages.find(name), rest)


# --- One stage --------------------------------------------------------------------------------------


def _run_stage(spec: Stage, words: list[str]) -> int:
    from lockgate import progress
    from lockgate.run import run
    from lockgate.settings import NAMES, Settings

    try:
        given = vars(stage_parser(spec).parse_args(words))
    except InputError:
        _forget(spec, words)
        raise
    options = {name[1:]: given.pop(name) for name in list(given) if name.startswith("_")}
    for name, value in options.items():
        if isinstance(value, str) and not value.strip():  # a variable of a script that is not set
            _forget(spec, words)
            raise InputError(f"--{name.replace('_', '-')} is empty; give a path, or leave the flag out")
    around = Settings(**{name: options[name] for name in NAMES if name in options})
    try:
        around.refuse_secrets()
    except InputError:
        _forget(spec, words)
        raise
    arguments = {name: value for name, value in given.items() if value is not None}
    with progress.shown(), progress.working(spec.name):
        result = run(
            spec,
            arguments,
            out=options["out"] or Path("lockgate-out") / spec.name,
            settings=around.or_else(Settings.from_environment()),
            sarif=options["sarif"],
            junit=options["junit"],
            place=options.get("place") or os.environ.get("LOCKGATE_PLACE") or "inline",
        )
    try:
        _say(result)
        sys.stdout.flush()
    # Nobody listens, which rich takes for a reason to exit; the verdict stands all the same.
    except (OSError, AttributeError, ValueError, SystemExit):
        _deafen()
    return 0 if result.opens or options["report_only"] else 1


def _hidden(text: str, words: Sequence[str]) -> str:
    """Return a text without the secrets that the environment and the arguments hold."""
    from lockgate.settings import Settings, hide, secrets_in

    said = [part for word in words for part in (word, word.partition("=")[2])]  # --flag=URL
    given = [secret for part in said for secret in secrets_in(part)]
    return hide(text, [*given, *Settings.from_environment().secrets()])


def _trace(words: Sequence[str]) -> None:
    """Print where the error at hand came from: its causes may quote a URL or a key's passphrase."""
    import traceback

    print(_hidden(traceback.format_exc(), words), file=sys.stderr, end="")


def _forget(spec: Stage, words: list[str]) -> None:
    """Remove a former run's result from the folder that a mistyped command names, if nothing else is lost."""
    from lockgate.exports import forget
    from lockgate.outfolder import clear, spare

    named = _values(words, "out")
    out = Path(named[-1] if named else Path("lockgate-out") / spec.name).absolute()
    others = [word.partition("=")[2] if word.startswith("--") else word for word in words]
    with contextlib.suppress(InputError):  # the mistyped flag is what to hear of
        spare(out, [word for word in others if word and word not in named])
        clear(out, spec)
    forget([Path(value) for name, _ in _EXPORTS for value in _values(words, name)])


def _values(words: list[str], name: str) -> list[str]:
    """Return the values of a flag in a command that may not parse."""
    flag = f"--{name}"
    apart = [words[i + 1] for i, word in enumerate(words[:-1]) if word == flag]
    return [*apart, *(word.partition("=")[2] for word in words if word.startswith(f"{flag}="))]


def _deafen() -> None:
    """Send what is still to be written to standard output nowhere."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def stage_parser(spec: Stage) -> argparse.ArgumentParser:
    """Return the parser of a stage's flags; the namespace holds parameters by name, options as ``_name``."""
    parser = _Parser(
        prog=f"lockgate {spec.name}",
        description=spec.description,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    sections = [
        ("inputs", spec.inputs),
        ("outputs (written into --out when no path is given)", spec.outputs),
        ("parameters", spec.plain),
    ]
    for title, parameters in sections:
        group = parser.add_argument_group(title)
        for parameter in parameters:
            _add_flag(group, parameter)
    options = parser.add_argument_group("options of every stage")
    taken = {parameter.name for parameter in spec.parameters}
    options.add_argument(
        "--out", dest="_out", metavar="DIR", help=f"result folder (default: lockgate-out/{spec.name})"
    )
    options.add_argument(
        "--policy", dest="_policy", metavar="FILE", help="lockgate.yaml (default: $LOCKGATE_POLICY)"
    )
    options.add_argument(
        *(["--signing-key"] if "key" in taken else ["--key", "--signing-key"]),
        dest="_key",
        metavar="FILE",
        help="private key that signs the attestation (default: $LOCKGATE_KEY)",
    )
    for name, metavar, text in _SETTINGS:
        variable = f"LOCKGATE_{name.upper()}"
        options.add_argument(
            f"--{name.replace('_', '-')}",
            dest=f"_{name}",
            metavar=metavar,
            help=f"{text} (default: ${variable})",
        )
    if "place" not in taken:
        options.add_argument(
            "--place",
            dest="_place",
            metavar="PLACE",
            help="inline, the path of another Python, or sandbox, which confines models, as in "
            "sandbox:memory=2G,cpu_seconds=600,required (default: $LOCKGATE_PLACE or inline)",
        )
    for name, text in _EXPORTS:
        options.add_argument(f"--{name}", dest=f"_{name}", metavar="FILE", help=text)
    options.add_argument(
        "--report-only", dest="_report_only", action="store_true", help="exit 0 on a closed gate"
    )
    return parser


def _add_flag(group: argparse._ArgumentGroup, parameter: Parameter) -> None:
    words: dict[str, Any] = {"dest": parameter.name, "default": None, "help": _help(parameter)}
    if parameter.plain_type is bool:
        words["action"] = argparse.BooleanOptionalAction
    elif parameter.many:
        words |= {"nargs": "+", "action": "extend", "metavar": parameter.name.upper()}
        if parameter.artifact is None:
            words["type"] = _comma_list
            words["action"] = _ExtendFlat
    else:
        words["metavar"] = "PATH" if parameter.artifact else _metavar(parameter)
    words["required"] = parameter.required
    group.add_argument(f"--{parameter.name.replace('_', '-')}", **words)


def _metavar(parameter: Parameter) -> str:
    if parameter.choices:
        return "{" + ",".join(map(str, parameter.choices)) + "}"
    return str(getattr(parameter.plain_type, "__name__", "value")).upper()


def _help(parameter: Parameter) -> str:
    text = parameter.help.replace("%", "%%")
    if parameter.default not in (None, [], ()) and "default" not in text:
        text += f" (default: {parameter.default})"
    return text


def _comma_list(word: str) -> list[str]:
    if word.lstrip().startswith("["):  # JSON, for names that have commas in them
        with contextlib.suppress(ValueError):
            items = json.loads(word)
            if all(isinstance(item, str) for item in items):
                return list(items)
    return [part.strip() for part in word.split(",")]


class _ExtendFlat(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse's signature
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,  # noqa: ARG002 - argparse's signature
    ) -> None:
        kept = getattr(namespace, self.dest) or []
        setattr(namespace, self.dest, [*kept, *(part for parts in values for part in parts)])


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; `{self.prog} --help` lists the flags")


# --- What a person sees -----------------------------------------------------------------------------


def _say(result: Result) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    colour = {"PASS": "green", "WARN": "yellow", "FAIL": "red"}.get(result.verdict, "magenta")
    decision = f"  {result.decision}" if result.decision else ""
    stage, why = escape(str(result.document["stage"])), escape(_visible(result.why))
    console.print(f"[bold {colour}]{result.verdict}{decision}[/]  {stage}: {why}")
    for finding in result.document["findings"][1:6]:
        console.print(f"  {finding['severity']:<8} {finding['rule']}  {escape(_visible(finding['message']))}")
    hidden = len(result.document["findings"]) - 6
    if hidden > 0:
        console.print(f"  ... and {hidden} more findings in the report")
    console.print(f"  {escape(_visible(str(result.out / 'report.html')))}")


def _visible(text: str) -> str:
    """Replace control characters, which a column name may carry, before a terminal sees them."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _overview() -> str:
    lines = [
        "usage: lockgate STAGE --INPUT URI ... --PARAM VALUE ... --out DIR [--policy FILE] [--key FILE]",
        "",
        "Security gates for machine-learning pipelines. Every stage looks at one dataset or model, says",
        "PASS, WARN, FAIL or INCONCLUSIVE with reasons, and leaves signed evidence.",
    ]
    lifecycle = ""
    for spec in stages.every():
        if spec.lifecycle != lifecycle:
            lifecycle = spec.lifecycle
            lines += ["", f"{lifecycle}:"]
        lines.append(f"  {spec.name:<18} {spec.summary}")
    lines += ["", "commands:", *(f"  {name:<18} {text}" for name, (_, text) in _COMMANDS.items())]
    lines += ["", "`lockgate STAGE --help` lists the flags of a stage.", _EXIT_CODES]
    return "\n".join(lines)

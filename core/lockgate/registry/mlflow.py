"""A registered model in MLflow: its versions, its aliases, its bytes.

Credentials are those of MLflow's own client: ``MLFLOW_TRACKING_USERNAME`` and
``MLFLOW_TRACKING_PASSWORD``, or ``MLFLOW_TRACKING_TOKEN``.

A model lies in a run of the experiment ``lockgate``: its files in ``model``, which is the source of the
version, and what belongs to it in ``lockgate`` beside that.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.address import display
from lockgate.errors import InputError, MissingExtraError
from lockgate.private import private_folder
from lockgate.registry import calls, shape
from lockgate.registry.calls import AlreadyThereError, NotThereError, RegistryError

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

EXPERIMENT = "lockgate"
MODEL = "model"  # folder of a run with the files of the model
BESIDE = "lockgate"  # folder of a run with what belongs to it
SHAPE = "shape.json"
READY = "READY"
_WAIT = 300.0  # seconds for a version to become ready; MLflow's own client waits as long
_URI = re.compile(r"models:/([^/@]+)(?:@([\w-]+)|/([1-9]\d{0,17}))\Z", re.ASCII)
_ALIAS = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
_RESERVED = re.compile(r"(latest|v\d+)\Z", re.IGNORECASE | re.ASCII)  # MLflow keeps these for itself
# MLflow forbids slash and colon. A quote would end the text of a filter, and % is any text in it.
_NAME = re.compile(r"(?=.*\S)[^/:@'\"`\\%\x00-\x1f\x7f]{1,250}\Z")


@dataclass(frozen=True)
class Version:
    """A version of a registered model, as the registry has it: hints, of which none is to be believed.

    Attributes:
        number: Its number.
        status: ``READY``, or what keeps it from being used.
        tags: Its tags.
        source: Where its files lie.
        run_id: The run that its files belong to, or None.
    """

    number: int
    status: str
    tags: Mapping[str, str]
    source: str = field(repr=False)
    run_id: str | None = None


@dataclass(frozen=True)
class Upload:
    """Files that were uploaded, and are no version yet.

    Attributes:
        run_id: The run that holds them.
        source: Where they lie.
    """

    run_id: str
    source: str = field(repr=False)


def is_registered(uri: str) -> bool:
    """Whether a URI names a registered model: ``models:/NAME@ALIAS`` or ``models:/NAME/NUMBER``."""
    return _URI.match(uri) is not None


def fetch(uri: str, into: Path, tracking_uri: str | None = None) -> Path:
    """Download a registered model into a private folder, and return its path: a file or a folder.

    It digests to what it did when `promote-model` registered it, unless somebody has changed it since.
    (MLflow's own download adds a file to it, and forgets modes and empty folders.)

    Args:
        uri: ``models:/NAME@ALIAS`` or ``models:/NAME/NUMBER``.
        into: A private folder; see `lockgate.private.private_folder`.
        tracking_uri: The server; by default ``MLFLOW_TRACKING_URI``.

    Raises:
        InputError: It is no such URI, or the registry has no such model.
        RegistryError: The registry cannot be read.
    """
    match = _URI.match(uri)
    if match is None:
        raise InputError(
            f"{display(uri)} is no registered model; give models:/NAME@ALIAS or models:/NAME/NUMBER"
        )
    name, alias, number = match.groups()
    registry = Registry(tracking_uri)
    aliases = registry.aliases(name)
    if aliases is None:
        raise InputError(f"{registry} has no registered model {name!r}; check the name")
    if alias and alias not in aliases:
        raise InputError(
            f"{name!r} has no alias {alias!r} on {registry}; promote a version with promote-model"
        )
    return registry.download(registry.version(name, aliases[alias] if alias else int(number)), into)


def check_alias(alias: str) -> None:
    """Refuse what MLflow would not take for an alias, before anything has been done for it."""
    if not _ALIAS.match(alias) or _RESERVED.match(alias):
        raise InputError(
            f"{alias[:80]!r} can be no alias in MLflow; use letters, digits, - and _, "
            "but neither 'latest' nor the form 'v1'"
        )


def check_name(name: str) -> None:
    """Refuse what can be no name of a registered model."""
    if not _NAME.match(name):
        raise InputError(
            f"{name[:80]!r} can be no name of a registered model; "
            "use at most 250 characters, and no quote, slash, backslash, colon, @ or %"
        )


class Registry:
    """The model registry of an MLflow server.

    Args:
        tracking_uri: The server; by default ``MLFLOW_TRACKING_URI``.

    Raises:
        InputError: No server is named, or its address has a password in it.
        MissingExtraError: MLflow is not installed.
    """

    def __init__(self, tracking_uri: str | None = None) -> None:
        if tracking_uri and "@" in tracking_uri.partition("://")[2].partition("/")[0]:
            raise InputError(
                "the address of the MLflow server has a user or a password in it, which others could read; "
                "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead"
            )
        self._uri = (tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or "").strip()
        if not self._uri:
            raise InputError("no MLflow server is named; give tracking_uri or set MLFLOW_TRACKING_URI")
        self._shown = f"the MLflow server {display(self._uri)}"
        with calls.quietly():
            try:
                from mlflow.tracking import MlflowClient
            except ImportError:
                raise MissingExtraError("mlflow", "MLflow") from None
        with self._asked("be used"):
            self._client: MlflowClient = MlflowClient(self._uri, self._uri)

    def __str__(self) -> str:
        return self._shown

    def aliases(self, name: str) -> dict[str, int] | None:
        """Return the aliases of a registered model and the versions they point to; None without a model."""
        check_name(name)
        try:
            # The first question of every run: without a server, one that is not asked again and again.
            with self._asked(f"look up the model {name!r}", MLFLOW_HTTP_REQUEST_MAX_RETRIES="1"):
                found = self._client.get_registered_model(name).aliases
        except NotThereError:
            return None
        return {alias: int(number) for alias, number in found.items()}

    def versions(self, name: str) -> list[Version]:
        """Return all versions of a registered model, newest first."""
        check_name(name)
        found: list[ModelVersion] = []
        with self._asked(f"list the versions of {name!r}"):
            page = self._client.search_model_versions(f"name = '{name}'")
            found += page
            while page.token:
                page = self._client.search_model_versions(f"name = '{name}'", page_token=page.token)
                found += page
        return sorted(map(_version, found), key=lambda version: -version.number)

    def version(self, name: str, number: int) -> Version:
        """Return one version of a registered model.

        Raises:
            InputError: There is none of this number.
        """
        try:
            with self._asked(f"look up version {number} of {name!r}"):
                return _version(self._client.get_model_version(name, str(number)))
        except NotThereError:
            raise InputError(f"{self} has no version {number} of {name!r}; check the number") from None

    def upload(self, name: str, model: Path, beside: Mapping[str, bytes]) -> Upload:
        """Put a model's files, and what belongs to it, into a new run.

        Args:
            name: Of the registered model, after which the run is called.
            model: The model, a file or a folder.
            beside: Contents of further files, by path.
        """
        with self._asked(f"take the files of {name!r}"):
            run = self._client.create_run(self._experiment(), run_name=f"promote {name}").info
            if model.is_dir():
                self._client.log_artifacts(run.run_id, str(model), MODEL)
            else:
                self._client.log_artifact(run.run_id, str(model), MODEL)
            self.add(run.run_id, {**beside, SHAPE: shape.describe(model)})
            self._client.update_run(run.run_id, status="FINISHED")
            return Upload(run.run_id, f"{run.artifact_uri.rstrip('/')}/{MODEL}")

    def add(self, run_id: str, beside: Mapping[str, bytes]) -> None:
        """Put further files beside a model that was uploaded."""
        with self._asked("take files beside the model"), private_folder() as private:
            for path, content in beside.items():
                (private / path).parent.mkdir(parents=True, exist_ok=True)
                (private / path).write_bytes(content)
            self._client.log_artifacts(run_id, str(private), BESIDE)

    def register(self, name: str, upload: Upload, tags: Mapping[str, str]) -> Version:
        """Make an upload the newest version of a registered model, and return it when it is ready.

        Raises:
            RegistryError: It did not become ready, or not with these files.
        """
        if self.aliases(name) is None:
            self._unless_there(lambda: self._client.create_registered_model(name))
        with self._asked(f"register a version of {name!r}"):
            made = self._client.create_model_version(
                name, upload.source, upload.run_id, tags=dict(tags), await_creation_for=0
            )
            version, until = _version(made), time.monotonic() + _WAIT
            while version.status == "PENDING_REGISTRATION" and time.monotonic() < until:
                time.sleep(0.5)
                version = self.version(name, version.number)
            source = self._client.get_model_version_download_uri(name, str(version.number))
        if version.status != READY or source != upload.source:
            raise RegistryError(
                f"version {version.number} of {name!r} on {self} did not become ready ({version.status}); "
                "look at the server's log, and promote again"
            )
        return version

    def download(self, files: Version | Upload, into: Path) -> Path:
        """Download a version's files into a private folder, and return the model's path: a file or a folder.

        Raises:
            ArtifactError: The files are not of the shape that they were uploaded in.
            RegistryError: They cannot be downloaded.
        """
        import tempfile

        target = Path(tempfile.mkdtemp(prefix="registered-", dir=into))
        with self._asked("return the files of the model"):
            from mlflow.artifacts import download_artifacts
            from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

            source, described = self._source(files), None
            model = target / MODEL
            model.mkdir()
            # By its root: asked for a folder below that, the client takes `model/model` for one file.
            store: Any = get_artifact_repository(source, tracking_uri=self._uri)
            store.download_artifacts("", str(model))
            if beside := self._beside(files.run_id, source):
                path = download_artifacts(
                    artifact_uri=beside, dst_path=str(target / BESIDE), tracking_uri=self._uri
                )
                described = Path(path).read_bytes()
        if not any(model.iterdir()):
            raise NotThereError(f"{self} has no files where those of the model should be; promote it again")
        return shape.restore(model, described)

    def tag(self, name: str, number: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        with self._asked(f"set tags of version {number} of {name!r}"):
            for key, value in tags.items():
                self._client.set_model_version_tag(name, str(number), key, value)

    def tag_model(self, name: str, key: str, value: str) -> None:
        """Set a tag of a registered model."""
        with self._asked(f"set a tag of {name!r}"):
            self._client.set_registered_model_tag(name, key, value)

    def move_alias(self, name: str, alias: str, number: int) -> None:
        """Point an alias at a version, in one step."""
        with self._asked(f"move the alias {alias!r} of {name!r}"):
            self._client.set_registered_model_alias(name, alias, str(number))

    def _asked(self, doing: str, **environ: str) -> AbstractContextManager[None]:
        return calls.asked(self._shown, doing, **environ)

    def _source(self, files: Version | Upload) -> str:
        """Return where files lie; a model that MLflow logged is named by its id there."""
        match = re.match(r"models:/(m-[0-9a-f]+)/?\Z", files.source)
        return str(self._client.get_logged_model(match[1]).artifact_location) if match else files.source

    def _beside(self, run_id: str | None, source: str) -> str | None:
        """Return where the shape of an upload lies; None for what was not uploaded by `upload`."""
        if not run_id or not source.endswith(f"/{MODEL}"):
            return None
        held = {entry.path for entry in self._client.list_artifacts(run_id, BESIDE)}
        root = str(self._client.get_run(run_id).info.artifact_uri).rstrip("/")
        ours = source == f"{root}/{MODEL}" and f"{BESIDE}/{SHAPE}" in held
        return f"{root}/{BESIDE}/{SHAPE}" if ours else None

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            self._unless_there(lambda: self._client.create_experiment(EXPERIMENT))
            found = self._client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            raise NotThereError(f"{self} has deleted the experiment {EXPERIMENT!r}; restore it")
        return str(found.experiment_id)

    def _unless_there(self, make: Callable[[], object]) -> None:
        with suppress(AlreadyThereError), self._asked("make a place for the model"):
            make()


def _version(found: ModelVersion) -> Version:
    return Version(
        int(found.version), str(found.status), dict(found.tags), str(found.source), found.run_id or None
    )

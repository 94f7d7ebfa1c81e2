"""TorchScript, and what all networks of torch share: one thread, no training behaviour, gradients."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lockgate.errors import InputError, MissingExtraError
from lockgate.model.adapter import NamedAdapter
from lockgate.model.describe import Description
from lockgate.model.formats.outputs import Outputs


def library() -> Any:
    """Return torch.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtraError("torch", error.name or "torch") from None
    return torch


class TorchAdapter(NamedAdapter):
    """A network that turns rows or images into scores of classes.

    Args:
        module: A module in evaluation mode.
        kind: What to call it.
        told: What `lockgate.json` says; `shape` and `classes` where the file does not.
        shape: The shape of one row, as far as the file says it.
    """

    has_gradient = True

    def __init__(
        self, module: Any, kind: str, told: Description, shape: tuple[int | None, ...] | None = None
    ) -> None:
        super().__init__(told.classes)
        self.kind = kind
        self._torch = library()
        self._module = module
        self.features = told.features
        self.shape = told.shape or shape
        parameters = [p for p in _parameters(module) if p.is_floating_point()]
        self._dtype = parameters[0].dtype if parameters else self._torch.float32
        self.precision = "float64" if self._dtype == self._torch.float64 else "float32"
        self._outputs = Outputs(kind, None if told.classes is None else len(told.classes))
        self._probe()

    def _probe(self) -> None:
        import numpy as np

        if self.shape is None or any(n is None for n in self.shape):
            if self._names is not None:
                self.found(len(self._names))
            return
        row: Any = self.shape
        probe = np.stack([np.full(row, 0.0), np.full(row, 1.0)]).astype(self.precision)
        try:
            raw = self._raw(probe)
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 - a network raises what it likes
            raise InputError(
                f"the model ({self.kind}) cannot read rows of the shape {self.shape} "
                f"({type(error).__name__}); say the right one as `shape` in a lockgate.json beside it"
            ) from None
        self.found(self._outputs.classes(raw))
        self._outputs.probabilities(raw)

    def _raw(self, rows: Any) -> Any:
        with one_torch_thread(self._torch), self._torch.no_grad():
            return self._scores(self._torch.from_numpy(rows).to(self._dtype)).float().numpy()

    def _scores(self, tensor: Any) -> Any:
        said = self._module(tensor)
        if isinstance(said, (tuple, list)) and len(said) == 1:
            said = said[0]
        if not isinstance(said, self._torch.Tensor):
            raise InputError(
                f"the model ({self.kind}) gives no single tensor; export it with its scores alone"
            )
        return said

    def probabilities(self, rows: Any) -> Any:
        """See `Adapter`."""
        raw = self._raw(rows)
        if self._count is None:
            self.found(self._outputs.classes(raw))
        return self._outputs.probabilities(raw)

    def gradient(self, rows: Any, target: Any) -> Any:
        """See `Adapter`."""
        if self._outputs.ready is None:
            self.probabilities(rows)
        torch = self._torch
        with one_torch_thread(torch):
            tensor = torch.from_numpy(rows).to(self._dtype).requires_grad_()
            scores = self._scores(tensor).double()
            places = torch.as_tensor(target)
            if scores.shape[1] == 1:
                yes = scores[:, 0] if self._outputs.ready else torch.sigmoid(scores[:, 0])
                likely = torch.where(places == 1, yes, 1 - yes)
                loss = -likely.clamp_min(1e-30).log()
            elif self._outputs.ready:
                loss = -scores.gather(1, places[:, None])[:, 0].clamp_min(1e-30).log()
            else:
                loss = torch.nn.functional.cross_entropy(scores, places, reduction="none")
            return torch.autograd.grad(loss.sum(), tensor)[0].float().numpy()


def open_script(file: Path, told: Description) -> TorchAdapter:
    """Open TorchScript, which torch runs in an interpreter of its own.

    Raises:
        InputError: torch cannot read it.
    """
    torch = library()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # there is no other reader of it
            module = torch.jit.load(io.BytesIO(file.read_bytes()), map_location="cpu").eval()
    except Exception as error:  # noqa: BLE001 - torch raises RuntimeError and others
        raise InputError(
            f"model {file} is damaged TorchScript ({type(error).__name__}); "
            "export it again with torch.jit.save"
        ) from None
    return TorchAdapter(module, "TorchScript", told, _first_width(module))


def _first_width(module: Any) -> tuple[int, ...] | None:
    """Return how many columns a network reads that begins with a dense layer; None for others."""
    first = next((p for p in _parameters(module) if p.dim() > 1), None)
    return (int(first.shape[1]),) if first is not None and first.dim() == 2 else None  # noqa: PLR2004


def _parameters(module: Any) -> list[Any]:
    return list(module.parameters()) if hasattr(module, "parameters") else []


@contextlib.contextmanager
def one_torch_thread(torch: Any) -> Iterator[None]:
    """Keep torch to one thread inside: sums in one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

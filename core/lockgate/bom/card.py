"""What people say of a model: the card, a YAML file.

    name: employment
    version: 2026.3
    approach: supervised
    task: classification
    architecture_family: gradient boosting
    licenses: [Apache-2.0]
    download: https://models.example.org/employment
    released: 2026-03-01T00:00:00Z
    inputs: [numeric and categorical columns of a census row]
    outputs: [probability of being employed]
    datasets:
      - name: batch                  # as the provenance calls it; or say its digest
        classification: public
        owners: [{organization: Census Bureau}]
    metrics:
      - {type: accuracy, value: 0.81, slice: all offices}
    considerations:
      limitations: [Trained on one year; not for persons under 16.]
      ethical: [{name: proxy variables, mitigation: reviewed each quarter}]

Every key is optional.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from lockgate.documents import load_yaml
from lockgate.errors import InputError
from lockgate.settings import secrets_in

_MOST = 200  # entries of a list


def _public(url: str) -> str:
    if secrets_in(url):
        raise ValueError("has a password or token in it; name the place without it")
    return url


_Text = Annotated[str, StringConstraints(min_length=1, max_length=5_000)]
_Texts = Annotated[list[_Text], Field(max_length=_MOST)]
_Url = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`\[\]%]+$", max_length=2_000),
    AfterValidator(_public),
]
_Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=300)]
_Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Algorithm = Annotated[str, StringConstraints(pattern=r"^(sha256|lockgateTree1)$")]
_Digest = Annotated[dict[_Algorithm, _Hex], Field(min_length=1, max_length=1)]
_Time = Annotated[
    str,
    StringConstraints(
        pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$"
    ),
]
_Number = Annotated[int | float | _Text, Field(union_mode="left_to_right")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Party(_Strict):
    """An organization or a person; one of them."""

    organization: _Text | None = None
    url: _Url | None = None
    person: _Text | None = None
    email: _Email | None = None

    @model_validator(mode="after")
    def _one(self) -> Party:
        if (self.organization is None) == (self.person is None):
            raise ValueError("name an organization or a person, one of them")
        return self


class Dataset(_Strict):
    """What is known of a dataset beside its bytes."""

    name: _Text
    digest: _Digest | None = None
    description: _Text | None = None
    url: _Url | None = None
    classification: _Text | None = None
    sensitive: _Texts = []
    licenses: _Texts = []
    owners: list[Party] = []
    stewards: list[Party] = []
    custodians: list[Party] = []


class Metric(_Strict):
    """How well the model does, measured."""

    type: _Text
    value: _Number
    slice: _Text | None = None
    lower: _Number | None = None
    upper: _Number | None = None


class Risk(_Strict):
    """An ethical risk, and what is done about it."""

    name: _Text
    mitigation: _Text | None = None


class Fairness(_Strict):
    """Whom the model may help or harm."""

    group: _Text
    benefits: _Text | None = None
    harms: _Text | None = None
    mitigation: _Text | None = None


class Considerations(_Strict):
    """What to keep in mind when the model is used."""

    users: _Texts = []
    use_cases: _Texts = []
    limitations: _Texts = []
    tradeoffs: _Texts = []
    ethical: list[Risk] = []
    fairness: list[Fairness] = []


class Card(_Strict):
    """The card; see the module."""

    name: _Text | None = None
    version: Annotated[str, StringConstraints(min_length=1, max_length=1_024)] | None = None
    description: _Text | None = None
    licenses: _Texts = []
    supplier: Party | None = None
    authors: list[Party] = []
    approach: (
        Literal["supervised", "unsupervised", "reinforcement-learning", "semi-supervised", "self-supervised"]
        | None
    ) = None
    task: _Text | None = None
    architecture_family: _Text | None = None
    architecture: _Text | None = None
    inputs: _Texts = []
    outputs: _Texts = []
    download: _Url | None = None
    released: _Time | None = None
    datasets: Annotated[list[Dataset], Field(max_length=_MOST)] = []
    metrics: Annotated[list[Metric], Field(max_length=_MOST)] = []
    considerations: Considerations = Considerations()

    @property
    def left_out(self) -> list[str]:
        """What a reader of the card would look for first, and does not find."""
        asked = {
            "name": self.name,
            "version": self.version,
            "task": self.task,
            "approach": self.approach,
            "architecture_family": self.architecture_family,
            "licenses": self.licenses,
            "considerations.limitations": self.considerations.limitations,
        }
        return [field for field, said in asked.items() if not said]


def load(path: Path) -> Card:
    """Read a card.

    Raises:
        InputError: It is no YAML, or has a key or value that a card has not; file, line and key.
    """
    document = load_yaml(path)
    if document.data is None:
        raise InputError(f"{document.name} is empty; write what is known of the model, or leave the card out")
    return document.as_model(Card)

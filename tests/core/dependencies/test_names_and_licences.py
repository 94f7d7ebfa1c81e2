"""Names that imitate, licences that are refused: and the honest ones beside them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.dependencies import licences, lookalike
from lockgate.dependencies.licences import judge
from lockgate.dependencies.lookalike import likeness

POPULAR = sorted(lookalike._popular())
# The locked environments of this project, and packages of the same kind beyond the 1,500 best known.
HONEST = [
    "adversarial-robustness-toolbox",
    "cleanlab",
    "evidently",
    "deepchecks",
    "skops",
    "securesystemslib",
    "rfc8785",
    "duckdb",
    "kfp",
    "kfp-kubernetes",
    "model-signing",
    "in-toto-attestation",
    "sigstore-models",
    "tuf",
    "litestar",
    "polyfactory",
    "iterative-telemetry",
    "dynaconf",
    "nevergrad",
    "pyod",
    "alibi-detect",
    "river",
    "interpret",
    "fairlearn",
    "aif360",
    "shap",
    "lime",
    "optuna-dashboard",
    "mapie",
    "crepes",
    "sktime",
    "tslearn",
    "pmdarima",
    "featuretools",
    "imbalanced-learn",
    "category-encoders",
    "hyperopt",
    "tpot",
    "autogluon",
    "flaml",
]


@pytest.mark.parametrize(
    ("name", "meant"),
    [  # names that were found on package indexes as imitations, as reported by those who took them down
        ("colourama", "colorama"),
        ("python3-dateutil", "python-dateutil"),
        ("reqeusts", "requests"),
        ("requesrs", "requests"),
        ("urlib3", "urllib3"),
        ("tenserflow", "tensorflow"),
        ("pytorch-ligthning", "pytorch-lightning"),
        ("djanga", "django"),
        ("beautifulsup4", "beautifulsoup4"),
        ("jupyter_cIient", "jupyter-client"),
        ("pyyaml0", "pyyaml"),
        ("scikitlearn", "scikit-learn"),
        ("opencv-python-headles", "opencv-python-headless"),
        ("dotenv-python", "python-dotenv"),
        ("nurnpy", "numpy"),
        ("matp1otlib", "matplotlib"),
    ],
)
def test_a_name_that_imitates_is_found(name, meant):
    found = likeness(name)
    assert found is not None
    assert found.name == meant


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_name_is_left_alone(name):
    assert likeness(name) is None


def test_no_popular_name_and_no_reviewed_neighbour_is_an_imitation():
    assert len(POPULAR) == 1_500
    for name in [*POPULAR, *lookalike._neighbours()]:
        assert likeness(name) is None, name
        assert likeness(name.replace("-", "_").upper()) is None, name


@given(st.sampled_from([n for n in POPULAR if len(n.replace("-", "")) >= 7]), st.data())
@settings(max_examples=300, deadline=None)
def test_a_neighbouring_swap_or_a_lost_letter_is_found(name, data):
    at = data.draw(st.integers(0, len(name) - 2))
    swapped = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    for wrong in (swapped, name[:at] + name[at + 1 :]):
        known = lookalike.normal(wrong) in lookalike._popular() | lookalike._neighbours()
        ill_formed = wrong[0] in "-." or wrong[-1] in "-." or "--" in wrong
        assert known or ill_formed or likeness(wrong) is not None, wrong


@given(st.text(max_size=250))
@settings(deadline=None)
def test_any_name_has_an_answer(name):
    found = likeness(name)
    assert found is None or found.name in POPULAR


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("MIT", "allowed"),
        ("MIT License", "allowed"),
        ("Apache-2.0 OR GPL-3.0-only", "allowed"),
        ("Apache-2.0 AND GPL-3.0-only", "refused"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "refused"),
        ("AGPLv3", "refused"),
        ("Apache License 2.0 / Apache Software License", "allowed"),
        ("BSD / BSD License", "unknown"),
        ("Zlib", "refused"),  # not on the list of what is allowed
        ("see LICENSE", "unknown"),
        ("Apache Software License", "unknown"),
        ("(MIT", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_licence_is_held_against_both_lists(said, answer):
    pytest.importorskip("license_expression")
    allow, deny = ["MIT", "Apache-2.0"], ["GPL-3.0-only", "GPL-2.0-only", "AGPL-3.0-only"]
    assert judge(said, allow, deny) == answer


def test_with_a_list_of_refused_licences_only_all_others_are_allowed():
    pytest.importorskip("license_expression")
    assert judge("Zlib", None, ["AGPL-3.0-only"]) == "allowed"
    assert judge("AGPL-3.0-only", None, ["AGPL-3.0-only"]) == "refused"


def test_a_word_in_a_policy_that_is_no_id_is_refused():
    pytest.importorskip("license_expression")
    with pytest.raises(licences.InputError, match="GPL3"):
        licences.check_ids(["GPL3"], "deny_licences")
    licences.check_ids(["GPL-3.0-only", "LicenseRef-ours"], "deny_licences")


def test_of_a_hundred_misspelt_popular_names_nearly_all_are_found_whatever_the_seed():
    for seed in range(5):
        chance = random.Random(seed)
        wrong = []
        while len(wrong) < 100:
            name = chance.choice(POPULAR)
            made = misspelt(name, chance)
            if len(name) > 3 and made not in (*POPULAR, *lookalike._neighbours()) and "--" not in made:
                wrong.append(made)
        assert sum(likeness(each) is not None for each in wrong) >= 98


def misspelt(name: str, chance: random.Random) -> str:
    """A name with one mistake: a letter left out, doubled, exchanged, added or swapped, or a look-alike."""
    at = chance.randrange(1, len(name))
    letter = chance.choice("abcdefghijklmnopqrstuvwxyz")
    return chance.choice([
        name[:at] + name[at + 1 :] if len(name) > 4 else name,
        name[:at] + name[at - 1] + name[at:],
        name[:at] + letter + name[at + 1 :],
        name[:at] + letter + name[at:],
        name[: at - 1] + name[at] + name[at - 1] + name[at + 1 :],
        name.replace("l", "1", 1).replace("o", "0", 1),
        name.replace("-", "", 1),
    ]).strip("-")  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("keas", "keras"),
        ("ccffi", "cffi"),
        ("b0to", "boto"),
        ("fl1t", "flit"),
        ("google-cloudlstorage", "google-cloud-storage"),
    ],
)
def test_short_names_and_lost_separators_are_looked_at_too(wrong, meant):
    assert likeness(wrong).name == meant

"""Steal a model in every way that is open, and count how often the copy agrees with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lockgate.extraction.outputs import Output, let_out
from lockgate.extraction.queries import STRATEGIES, Strategy, asked
from lockgate.extraction.surrogate import Encoder, learn
from lockgate.model import Predictor
from lockgate.privacy.shadows import answers_of
from lockgate.progress import track


@dataclass(frozen=True)
class Stolen:
    """How well one theft went.

    Attributes:
        output: What the service let out.
        strategy: How the thief chose what to ask.
        queries: How many questions were asked.
        agreed: On how many held-out rows the copy gives the model's label.
        rows: How many held-out rows there were.
    """

    output: Output
    strategy: Strategy
    queries: int
    agreed: int
    rows: int

    @property
    def fidelity(self) -> float:
        """The share of held-out rows on which the copy gives the model's label."""
        return self.agreed / self.rows


def steal(
    predictor: Predictor, pool: Any, held: Any, outputs: tuple[Output, ...], budgets: list[int], *, seed: int
) -> list[Stolen]:
    """Steal the model by every output and strategy, at every budget.

    Args:
        predictor: The model.
        pool: The thief's own rows, a DataFrame.
        held: Other rows, on which the copy is compared with the model.
        outputs: What the service may let out.
        budgets: Numbers of questions.
        seed: Of every random choice.
    """
    import numpy as np

    encoder = Encoder(pool)
    truth = answers_of(predictor, held, predictor.classes).argmax(axis=1)
    found = []
    ways = [(strategy, budget, output) for strategy in STRATEGIES for budget in budgets for output in outputs]
    for strategy, budget, output in track(ways, "stealing the model"):
        # The same questions whatever is let out, as far as answers do not choose them.
        rng = np.random.default_rng([seed, 1, STRATEGIES.index(strategy), budget])

        def taught(rows: Any, output: Output = output) -> Any:
            known = let_out(answers_of(predictor, rows, predictor.classes), output)
            return learn(encoder, rows, known, seed=seed)

        copy = taught(asked(strategy, pool, budget, rng, taught))
        agreed = int((copy(held).argmax(axis=1) == truth).sum())
        found.append(Stolen(output, strategy, budget, agreed, len(held)))
    return found


def without_asking(predictor: Predictor, pool: Any, places: Any, held: Any, *, seed: int) -> float:
    """Return how often a model of the thief's own labels agrees: what no limit on questions can prevent.

    Args:
        predictor: The model.
        pool: The thief's own rows.
        places: Places of their right labels among the classes.
        held: Rows on which the two are compared.
        seed: Of the trees.
    """
    import numpy as np

    truth = answers_of(predictor, held, predictor.classes).argmax(axis=1)
    own = learn(Encoder(pool), pool, np.eye(len(predictor.classes))[places], seed=seed)
    return float((own(held).argmax(axis=1) == truth).mean())

"""Rows under attack, and the model behind a counter: an attack asks about points, and the target judges."""

from __future__ import annotations

from typing import Any

from lockgate.model import Predictor
from lockgate.robustness.threat.domain import Domain


class Target:
    """Some rows, their right labels, and a model that is asked about points around them.

    Only rows that the model labels right are attacked; the others are wrong without any attack. A row is
    broken by a question that was really asked: the point is allowed by the threat (checked here, not by the
    attack) and gets another label. An attack may ask about points that are not allowed, to find its way.

    Args:
        predictor: The model.
        domain: The points around each row.
        rows: What the model is given unmoved: a DataFrame or an array, first axis rows.
        truth: The place of each right label in ``predictor.classes``; int array.
        max_queries: Most questions for each row.

    Attributes:
        origins: The rows as points.
        right: Whether the model labels the unmoved row right; bool array.
        margins: Of the unmoved rows, see `ask`.
        broken: Whether a point that changes the label was found; bool array.
        found: For each broken row the nearest such point; the origin for the others.
        nearest: Its distance in the threat's unit; infinite where none was found.
        by: For each row the name of the attack that broke it first, or empty; object array.
        queries: How often the model was asked about each row; int array.
        gradients: How often its gradient was asked, beside them; int array.
        certified: Rows that are proven not to break within the threat; bool array, set by attacks that prove.
        searched: Rows in which an attack that reads the whole model looked everywhere that it could: what is
            asked about them after it is a check; bool array.
        spent: Rows on which an attack was cut short because the questions were used up; bool array.
        attack: The name of the attack that is running.
        among: The only rows that it is let at, as a bool array; None: all.
    """

    def __init__(
        self, predictor: Predictor, domain: Domain, rows: Any, truth: Any, *, max_queries: int
    ) -> None:
        import numpy as np

        n = len(rows)
        self.predictor, self.domain, self.rows, self.truth = predictor, domain, rows, np.asarray(truth)
        self.max_queries = max_queries
        self.origins = domain.points(rows)
        self.broken, self.certified, self.searched, self.spent = (np.zeros(n, dtype=bool) for _ in range(4))
        self.found = self.origins.copy()
        self.nearest = np.full(n, np.inf)
        self.by = np.full(n, "", dtype=object)
        self.queries, self.gradients = np.ones(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        self.attack = ""
        self.among: Any = None
        scores, labels = self._answers(rows)
        self.right = labels == self.truth
        self.margins = self._margins(scores, labels, self.truth)

    @property
    def gives_scores(self) -> bool:
        """Whether margins are graded: the model gives probabilities."""
        return self.predictor.gives_probabilities

    @property
    def open(self) -> Any:
        """The rows that are still to be broken: right, not broken, not proven safe, with questions left."""
        import numpy as np

        todo = self.right & ~self.broken & ~self.certified
        if self.among is not None:
            todo &= self.among
        return np.flatnonzero(todo & (self.queries < self.max_queries))

    def left(self, at: Any) -> Any:
        """Return how many questions are left for each row."""
        return self.max_queries - self.queries[at]

    def ask(self, at: Any, points: Any) -> Any:
        """Ask the model about points, and keep those that break their row.

        Questions beyond a row's budget are not asked: their margin is NaN.

        Args:
            at: For each point the number of its row; int array.
            points: As many points.

        Returns:
            The margin of each: the probability of the right label minus that of the strongest other one, and
            below 0 exactly when the label changes. A model without probabilities gives 1 or -1.
        """
        import numpy as np

        at, points = np.asarray(at, dtype=np.int64), np.asarray(points, dtype=np.float64)
        margins = np.full(len(at), np.nan)
        kept = self._within_budget(at)
        if not len(kept):
            return margins
        mine = at[kept]
        scores, labels = self._answers(self.domain.rows(_take(self.rows, mine), points[kept]))
        margins[kept] = self._margins(scores, labels, self.truth[mine])
        self.queries += np.bincount(mine, minlength=len(self.queries))
        self._keep(mine, points[kept], margins[kept] < 0)
        return margins

    def gradient(self, at: Any, points: Any) -> Any:
        """Return the gradient of the cross-entropy of the right label at each point, of the shape of points.

        Only for models with `Predictor.has_gradient` that read the points themselves: images, and tables
        whose columns are all numeric. Counted in `gradients`.
        """
        import numpy as np

        at = np.asarray(at, dtype=np.int64)
        labels = _labels(self.predictor, self.truth[at])
        found = self.predictor.gradient(self.domain.rows(_take(self.rows, at), points), labels)
        self.gradients += np.bincount(at, minlength=len(self.gradients))
        return self.domain.gradient(found)

    def confirm(self) -> None:
        """Ask about all points that broke a row once more, in one batch; what is not confirmed is undone.

        Sums of single precision may differ with the size of a batch, and some attacks end at the very border.
        """
        import numpy as np

        at = np.flatnonzero(self.broken)
        if not len(at):
            return
        _, labels = self._answers(self.domain.rows(_take(self.rows, at), self.found[at]))
        self.queries[at] += 1
        good = (labels != self.truth[at]) & self.domain.allowed(self.found[at], self.origins[at])
        lost = at[~good]
        self.broken[lost], self.nearest[lost], self.by[lost] = False, np.inf, ""
        self.found[lost] = self.origins[lost]

    # --- Inside -------------------------------------------------------------------------------------

    def _within_budget(self, at: Any) -> Any:
        """Return the questions that are within each row's budget, in the order that they were put."""
        import numpy as np

        order = np.argsort(at, kind="stable")
        mine = at[order]
        first = np.searchsorted(mine, mine, side="left")
        within = np.arange(len(mine)) - first < self.left(mine)
        self.spent[mine[~within]] = True
        return np.sort(order[within])

    def _answers(self, rows: Any) -> tuple[Any, Any]:
        """Return probabilities (None without) and places of labels, which come from the same answer."""
        import numpy as np

        if self.gives_scores:
            scores = self.predictor.predict_proba(rows)
            return scores, scores.argmax(axis=1)
        place = {label: i for i, label in enumerate(self.predictor.classes)}
        return None, np.array([place[label] for label in self.predictor.predict(rows).tolist()])

    def _margins(self, scores: Any, labels: Any, truth: Any) -> Any:
        import numpy as np

        same = labels == truth
        if scores is None:
            return np.where(same, 1.0, -1.0)
        own = np.take_along_axis(scores, truth[:, None], axis=1)[:, 0].astype(np.float64)
        others = scores.astype(np.float64)
        others[np.arange(len(others)), truth] = -np.inf
        margin = own - others.max(axis=1)
        tiny = np.finfo(np.float64).tiny  # a tie counts as the label says
        return np.where(same, np.maximum(margin, tiny), np.minimum(margin, -tiny))

    def _keep(self, at: Any, points: Any, changed: Any) -> None:
        import numpy as np

        hit = np.flatnonzero(changed)
        if not len(hit):
            return
        origins = self.origins[at[hit]]
        hit = hit[self.domain.allowed(points[hit], origins)]
        far = self.domain.distance(points[hit], self.origins[at[hit]])
        for i in np.lexsort((np.arange(len(hit)), far)):
            row = at[hit[i]]
            if not self.right[row] or far[i] >= self.nearest[row]:
                continue
            self.found[row], self.nearest[row] = points[hit[i]], far[i]
            if not self.broken[row]:
                self.broken[row], self.by[row] = True, self.attack


def _take(rows: Any, at: Any) -> Any:
    return rows.iloc[at] if hasattr(rows, "iloc") else rows[at]


def _labels(predictor: Predictor, places: Any) -> Any:
    from lockgate.model.adapter import as_array

    return as_array(predictor.classes)[places]

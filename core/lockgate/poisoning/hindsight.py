"""Say what a run without an alarm would have found, and what it could not have seen."""

from __future__ import annotations

from lockgate.outcome import Outcome
from lockgate.poisoning.canary import SHARES, Canary


def judge_canaries(outcome: Outcome, canaries: list[Canary], must_find: float) -> None:
    """Record what was found of what the run planted itself.

    INCONCLUSIVE when nothing was found at all, or when a detector overlooked a share above `must_find`.

    Args:
        outcome: Where checks, metrics, a table and facts go.
        canaries: One for each detector that was tried; none leaves the outcome as it is.
        must_find: Largest share that each detector may overlook, 0 to 1.
    """
    if not canaries:
        return
    most = f"{SHARES[-1]:.0%}"
    outcome.metrics["smallest_share_found"] = {c.detector: c.smallest for c in canaries}
    outcome.tables["What would have been found"] = [
        {
            "detector": c.detector,
            "planted in a copy": c.planted,
            "found from a share of": f"more than {SHARES[-1]:.0%}"
            if c.smallest is None
            else f"{c.smallest:.0%}",
            "rows of the copy": c.rows,
        }
        for c in canaries
    ]
    blind = [c for c in canaries if c.smallest is None]
    said = [f"{c.planted} in up to {most} of the rows" for c in blind]
    said += [
        f"{c.planted} in less than {c.smallest:.0%} of the rows"
        for c in canaries
        if c.smallest is not None and c.smallest > SHARES[0]
    ]
    if said:
        outcome.facts["This run could not have seen"] = "; ".join(said)
    if len(blind) == len(canaries):
        outcome.cannot("canary", f"nothing was found of what was planted in a copy, up to {most} of the rows")
        return
    outcome.check("canary", value=len(canaries) - len(blind), comparator=">=", threshold=1)
    for canary in canaries:
        if must_find < 1.0 and (canary.smallest is None or canary.smallest > must_find):
            reason = f"{canary.planted} would have been overlooked at a share above must_find"
            outcome.cannot(f"canary:{canary.detector}", reason, threshold=must_find)

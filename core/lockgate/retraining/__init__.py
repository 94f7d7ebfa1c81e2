"""What `gate-retraining` weighs beside drift: broken columns, contradicted labels, and the memory of both.

    outcome = decide(rules, files, given, "production")       # what the stage calls

`decide` asks all others. `moved` records drift, `upstream` what `bugs` (`columns`, `relations`) named as
broken, `performance` what the model in service does, `poison` what the detectors say and `rules` which of
it the reference explains. `labels` weighs labels: `surprise` says how much those of a batch contradict the
reference, at the class `rates` of the batch, `cells` and `planted` where (a source, a pair of classes, a
value, two values together), and `betting` adds that up over batches. `memory` remembers a stream: `state`
is what is kept, `keeping` how it is signed, held against rollback, and written; `budget` says whether a
training may start, and `trigger` what has to be approved before a changed gate may start one.
"""

from __future__ import annotations

"""What `gate-retraining` weighs beside drift: broken columns, contradicted labels, and the memory of both.

    watched = compare_labels(reference, batch, label="employed", source="office", ignore=())
    evidence = Evidence().after(watched)        # betting, one batch after the other
    evidence.alarms(alpha)

`bugs` names what broke upstream. `surprise` says how much the labels of a batch contradict the
reference, `cells` where (a source, a pair of classes, a value, two values together), and `betting`
adds that up over batches. `state` is what is kept from one batch to the next, `keeping` how it is
signed, held against rollback, and written; `budget` says whether a training may start, and `trigger`
what has to be approved before a changed gate may start one.
"""

from __future__ import annotations

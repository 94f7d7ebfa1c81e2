"""How well a model can be copied by asking it, and how a copy is told later.

`outputs` is what a service lets out, `queries` is what a thief asks, `surrogate` learns from the answers,
`fidelity` puts them together. `fingerprint` makes and reads the signed file by which a copy is known, and
`matching` says how sure that is.
"""

"""The pickle machine, run on paper: what a pickle would import, call and build, without doing it.

`machine` runs the opcodes on abstract values (`values`), reading through a `cursor`; whatever a pickle
wants to have done is put to a `judge`, who holds it against the lists and, for callables whose
arguments matter, against `calls`. `inside` looks into byte strings, and `files` knows what lies around
pickles in a file.
"""

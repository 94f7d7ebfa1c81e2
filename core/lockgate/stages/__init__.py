"""The stages, one module each, in folders named after the life cycle.

A new stage is a new module here and its test; the place of the file is its registration, and
`make faces` writes its operator and its component.
"""

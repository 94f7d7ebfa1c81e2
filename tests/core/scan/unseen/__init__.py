"""Techniques written down before their author had read the scanner or its other corpora.

Each is known from public sources, which it names, and is built from bytes: nothing here is ever loaded.
"""

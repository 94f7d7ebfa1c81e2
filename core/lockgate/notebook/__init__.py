"""Read notebooks without running them, and say what in them is unsafe or should not leave the house.

    notebook = read(raw)                 # strict JSON, nbformat 4
    for note in scan(notebook):
        note.rule, note.cell, note.line, note.message

No note holds a value that was found: a secret is named by its kind, cell, line and, where guessing
is out of reach, the start of its digest; personal data by kind and count.
"""

from lockgate.notebook.note import Note
from lockgate.notebook.reading import Cell, Notebook, Output, read
from lockgate.notebook.scanning import Limits, scan

__all__ = ["Cell", "Limits", "Note", "Notebook", "Output", "read", "scan"]

"""One module a format: what it is recognised by, what in it can run code, and what must hold."""

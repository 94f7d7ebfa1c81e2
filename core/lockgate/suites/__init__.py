"""Check suites of other libraries, run behind a process border and read back as facts."""

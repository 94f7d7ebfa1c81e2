"""Check suites of other libraries, their answers read back as plain facts."""

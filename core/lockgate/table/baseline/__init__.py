"""A baseline is statistics, not rows: what a table looked like, small, mergeable and signed.

| module | what it does |
|---|---|
| `profile` | `Profile` and `ColumnProfile`, and how two of them merge |
| `sums` | exact sums of values and of squares |
| `sketch` | how many different values: exact while they are few, estimated beyond |
| `document` | reads and writes a profile as strict JSON |
"""

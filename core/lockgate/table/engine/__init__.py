"""Where tables are counted: on DuckDB, or on Spark. Only counts leave an engine.

| module | what it does |
|---|---|
| `kernel` | counts a batch of numbers between fixed edges; the one definition, wherever it runs |
| `arrays` | fetches columns of numbers from DuckDB as sorted arrays, within a budget of memory |
| `pair` | what two sorted arrays say of each other: the exact gap of Kolmogorov-Smirnov, Wasserstein |
| `columns` | says which family a type of DuckDB belongs to, and how a value of it is read |
| `duck`, `spark` | make a profile of a table |
"""

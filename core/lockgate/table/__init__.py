"""Tables: how they are read, counted, held against what was declared, and compared.

| module | what it does |
|---|---|
| `read` | the door: a table in memory, or on DuckDB, with the conditions that it must meet |
| `formats` | tells Parquet, Arrow, CSV and JSON lines apart by content; gathers part files |
| `columnar`, `text` | read the one pair of formats and the other |
| `require` | raises in one sentence when a column, a label or any value is lacking |
| `sql` | quotes names and texts for DuckDB |
| `typed` | a table with each column read as integer, number, string, boolean or datetime |
| `profile`, `repeats` | count a typed table: values, ranges, means; copies, conflicting labels |
| `schema`, `infer` | the YAML schema; writing a first one from a table |
| `conform` | holds a table against a schema and a baseline |
| `drift`, `profile_drift` | compare two tables column by column, or two profiles |
| `comparison`, `column_drift` | what was found, when a column has drifted; the numbers of one column |
| `column_pair` | measures one column of two tables |
| `two_sample`, `distances` | the statistics of counts |
| `season`, `picture` | rows of the same season; bars for the report |
| `engine` | counts tables on DuckDB and on Spark |
| `baseline` | profiles: statistics that merge, and are kept in place of rows |
"""

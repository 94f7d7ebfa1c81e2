"""Checks that nobody had to declare: of one table, and of two that were split from one.

| module | what it looks at |
|---|---|
| `integrity` | the families of `check-integrity`, in the terms of deepchecks' data_integrity suite |
| `split` | the families of `check-split`, in the terms of deepchecks' train_test_validation suite |
| `text_values` | columns of text, distinct value by distinct value |
| `predictive` | how well one column foretells the label: Goodman and Kruskal's lambda, cross-fitted |
| `correlation` | pairs of columns that say the same, on a bounded sample |
| `outliers` | rows far out in one column, or odd in how columns go together |
| `skew` | how far apart two tables are, column by column, in TFDV's terms |
| `sample` | the bounded sample |
| `shape` | small distributions for reports |
| `signal` | how what was found enters an outcome |

Everything that is counted is counted over every row, exactly; what comes from a sample says so.
"""

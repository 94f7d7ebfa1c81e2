"""What a model gives away about the rows that it was trained on.

`shadows` trains models like the one under test with each row in half of them, `signals` says what the
answers tell about a row, `membership` ranks rows by how surely they were trained on, and `intervals`
says how sure the rates are. `attributes` guesses a hidden column, `duplicates` finds repeated rows,
`inversion` draws what a class looks like to the model, `accountant` and `budget` recompute what
differentially private training has spent.
"""

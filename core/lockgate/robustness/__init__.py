"""What happens to a classifier's answers when its rows are moved a little, or are not as expected.

`space` says which cells can move and by how much, `attack` looks for the worst move inside the
box, `lockstep` lets the attacks on all rows share one call to the model, `perturb` spoils rows
without looking at the model.
"""

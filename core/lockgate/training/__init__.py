"""Bind a training step to the bytes that it read and wrote, inside a task of any engine.

    from lockgate.training import training_step

    with training_step(materials={"batch": path}, parameters={"depth": 3}, record="out/step.json") as step:
        model = fit(read(step.materials["batch"]), depth=3)
        save(model, step.product("model", "out/model.skops"))

What is trained on is a private copy that was hashed while it was made, so the digests in the record are
those of the very bytes that were read, whatever happens to the file at ``path`` meanwhile. The stage
`record-provenance` takes the record and signs what it says.

`step` is the context manager, `record` the file that it writes, `surroundings` finds out the code's
revision and what is installed.
"""

from lockgate.training.step import TrainingStep, training_step

__all__ = ["TrainingStep", "training_step"]

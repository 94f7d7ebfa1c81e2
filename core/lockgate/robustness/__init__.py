"""What happens to a classifier's answers when its rows are moved a little, or are not as expected.

* `threat`: what an attacker can do, and the points that it allows around each row.
* `attacks`: the attacks, and how to add one.
* `measure`: growing samples of attacked rows, with the interval of `interval`; `curve` at other sizes.
* `under_attack`: all of this for a stage; `attacked` turns it into checks, findings and pictures.
* `stress`: rows and images spoiled without looking at the model, and groups of rows; `space`: their numbers.
* `images`, `gallery`, `on_images`: the same for images.
* `lockstep`: lets the attacks on all rows share one call to the model.
"""

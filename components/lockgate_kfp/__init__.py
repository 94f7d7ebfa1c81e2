"""Lockgate's stages as Kubeflow Pipelines (KFP v2) components.

    from lockgate_kfp.detect_poisoning import detect_poisoning
    from lockgate_kfp.require_pass import require_pass

    @dsl.pipeline
    def retrain(...):
        found = detect_poisoning(train=batch, label="employed")
        gate = require_pass(verdicts=[found.outputs["verdict"]])
        train_model(...).after(gate)

Every component runs in one image, `IMAGE`. To use an image of your own, set the environment
variable ``LOCKGATE_KFP_IMAGE``, or assign ``lockgate_kfp.IMAGE`` before you import a component.
`use_settings` gives a step its key, policy, evidence store and ledger.
"""

import os

from lockgate import __version__
from lockgate_kfp.secrets import use_settings

IMAGE = os.environ.get("LOCKGATE_KFP_IMAGE", f"localhost/lockgate:{__version__}")
"""The image that the components name; `make image` builds it."""

__all__ = ["IMAGE", "use_settings"]

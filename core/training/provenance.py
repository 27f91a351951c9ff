"""What a run's result depends on besides its settings: data, libraries, device.

Knows versions and digests; loads no model.
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from core import files
from core.training.events import Provenance
from core.training.run_folder import RunFolder

LIBRARIES = ("leafspot", "torch", "transformers", "peft", "bitsandbytes", "numpy")


def provenance(run: RunFolder) -> Provenance:
    """As it is in this process, for the run's settings and snapshot as they are now."""
    import torch

    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name()
    else:
        device = f"{platform.machine()}, {torch.get_num_threads()} threads"
    return Provenance(files.sha256(run.samples), files.sha256(run.config), versions, device)

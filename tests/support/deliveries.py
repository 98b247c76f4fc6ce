"""The small delivery that most tests of the harness judge."""

import os
from dataclasses import dataclass
from pathlib import Path

DETECTORS = ("NRCA1", "NRCBLONG")

# The mini frames are still smaller than the demo's. Everything else is as in demo.toml.
CRITERIA = """
schema = 1
name = "small"
extends = "demo"

[geometry]
frame = 128

[plan]
detectors = ["NRCA1", "NRCBLONG"]
subarrays = [{ detector = "NRCBLONG", name = "SUB64P" }]
"""


@dataclass(frozen=True)
class Small:
    """A delivery of two detectors in frames of 128x128, with a subarray, and what lies beside it."""

    delivery: Path
    criteria: Path

    @property
    def ground(self) -> Path:
        return self.delivery.with_name(self.delivery.name + ".ground")

    @property
    def base(self) -> Path:
        return self.delivery.with_name(self.delivery.name + ".base")

    @property
    def truth(self) -> Path:
        return self.delivery.with_name(self.delivery.name + ".truth")

    def copy(self, folder: Path, name: str = "copy") -> Path:
        """Return a copy to plant faults in, made of links: a file has to be replaced and not changed."""
        target = folder / name
        target.mkdir()
        for path in self.delivery.iterdir():
            os.link(path, target / path.name)
        return target

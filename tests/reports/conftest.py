"""The results of an earlier run, which a test may change."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def earlier(judged_masks, tmp_path) -> Path:
    return Path(shutil.copytree(judged_masks, tmp_path / "before")) / "results.json"

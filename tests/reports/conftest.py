"""The results of an earlier run, which a test may change."""

import shutil
from pathlib import Path

import pytest

from tests.support.earlier_results import of_other_masks


@pytest.fixture
def earlier(judged_masks, tmp_path) -> Path:
    return of_other_masks(Path(shutil.copytree(judged_masks, tmp_path / "before"))) / "results.json"

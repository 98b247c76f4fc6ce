"""A folder of reports, which a test fills."""

from pathlib import Path

import pytest


@pytest.fixture
def reports(tmp_path) -> Path:
    folder = tmp_path / "reports"
    folder.mkdir()
    return folder

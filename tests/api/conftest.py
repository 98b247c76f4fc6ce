"""What the face says of the small delivery."""

import pytest

from darkmask import bad_pixels
from darkmask.api import search


@pytest.fixture(scope="session")
def found(small):
    """One detector's full frame."""
    return bad_pixels(small.delivery, detector="NRCA1")


@pytest.fixture(scope="session")
def with_subarray(small):
    """A detector that has a subarray."""
    return bad_pixels(str(small.delivery), detector="nrcblong")


@pytest.fixture(autouse=True)
def _nothing_told_yet():
    """Each test is a session of its own: what was said once is said again."""
    search._TOLD.clear()

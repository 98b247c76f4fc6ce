"""Masks to plant faults in."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def good_masks(small, tmp_path_factory) -> Path:
    """Good masks, as somebody else would deliver them: made from the small delivery once."""
    from darkmask.commands import search_delivery

    folder = tmp_path_factory.mktemp("delivered") / "masks"
    list(search_delivery(small.delivery, folder, frame=128, base=small.base))
    for path in folder.glob("*_categories.fits"):
        path.unlink()
    return folder

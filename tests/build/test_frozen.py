"""Which pixels repeat a read to the last digit."""

import numpy as np

from darkmask.build.frozen import frozen_pixels
from darkmask.delivery import OpenSet, scan
from tests.checks.planting import Workspace, every_exposure

FROZEN = {(30, 20), (90, 101)}


def frozen_in(delivery) -> list[tuple[int, int]]:
    good = np.zeros((128, 128), bool)
    good[4:-4, 4:-4] = True
    with OpenSet(scan(delivery).main_set("NRCA1", "FULL"), delivery) as opened:
        return frozen_pixels(opened.planes, good)


def test_reads_that_repeat_in_most_integrations_are_told(small, tmp_path):
    """Frozen from group 12 on in all integrations; in all but the first exposure; in one; and full to the end."""
    space = Workspace(small, small.base, tmp_path)
    for number, ramps in enumerate(every_exposure(space.delivery)):
        for x, y in FROZEN if number else {(30, 20)}:
            ramps.sci[:, 12:, y, x] = ramps.sci[:, 12:13, y, x]
        if number == 2:
            ramps.sci[1, 9:, 60, 60] = ramps.sci[1, 9, 60, 60]
        ramps.sci[:, 5:, 70, 70], ramps.groupdq[:, 5:, 70, 70] = 40_000, 2
    assert set(frozen_in(space.delivery)) == FROZEN


def test_reads_in_whole_counts_repeat_by_chance(small, tmp_path):
    """Whole counts are those of the read before now and then, and a frozen pixel is told all the same."""
    space = Workspace(small, small.base, tmp_path)
    for ramps in every_exposure(space.delivery):
        ramps.sci[...] = np.round(ramps.sci)
        ramps.sci[:, 12:, 20, 30] = ramps.sci[:, 12:13, 20, 30]
    assert frozen_in(space.delivery) == [(30, 20)]


def test_an_amplifier_that_repeats_its_last_read_is_no_chance(small, tmp_path):
    space = Workspace(small, small.base, tmp_path)
    for ramps in every_exposure(space.delivery):
        ramps.sci[:, -1, :, 32:64] = ramps.sci[:, -2, :, 32:64]
    found = frozen_in(space.delivery)
    assert len(found) > 0.95 * 32 * 120
    assert all(32 <= x < 64 for x, _ in found)

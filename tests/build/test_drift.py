"""A pixel has turned hot, or good, when its rate changed by more than its own groups let it be known."""

from dataclasses import replace

import numpy as np
import pytest

from darkmask.build.drift import drift_of
from darkmask.build.turned import GONE, NEW
from darkmask.core.detectors import Geometry
from darkmask.core.detectors import detector as look_up
from darkmask.delivery import scan
from darkmask.delivery.plain import Ramps, write_plain
from darkmask.search.engines import search_set
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest

SIZE, INTEGRATIONS, GROUPS, TGROUP = 128, 8, 20, 10.73677
DETECTOR = look_up("NRCA1")
SATURATED = np.uint8(2)
HALF = INTEGRATIONS // 2


def pixels(first: int) -> np.ndarray:
    """Return 120 pixels that do not touch, others for each ``first``, bool (y, x)."""
    where = np.zeros((SIZE, SIZE), bool)
    where[10 + first : 118 : 9, 10:118:9] = True
    return where


@pytest.fixture(scope="module")
def reads() -> np.ndarray:
    random = np.random.default_rng(7)
    return DETECTOR.read_noise * random.standard_normal((INTEGRATIONS, GROUPS, SIZE, SIZE))


def drift(small, folder, reads: np.ndarray, usable: np.ndarray):
    """Search ramps of which only the first ``usable`` (integration, y, x) groups are not flagged as saturated."""
    like = replace(scan(small.delivery).main_set("NRCA1", "FULL")[0].jump, ngroups=GROUPS, tgroup=TGROUP)
    exposures = []
    for i, ramp in enumerate(reads):
        kept = np.arange(GROUPS)[:, None, None] < usable[i]
        time = np.arange(GROUPS)[:, None, None] * kept - kept * (usable[i] - 1) / 2
        rate = (time * ramp).sum(axis=0) / (time**2).sum(axis=0) / TGROUP
        ramps = Ramps(*(a[None] for a in (ramp.astype(np.float32), np.where(kept, np.uint8(0), SATURATED),
                                          rate.astype(np.float32), ramp[0].astype(np.float32))))  # fmt: skip
        exposures.append(write_plain(folder, f"{i:02d}", ramps, replace(like, times=(59_000 + 0.01 * i,))))
    request = SetRequest(tuple(exposures), folder, "native", "flight", SearchParameters(), Geometry(SIZE))
    science = ~request.reference_pixels()
    return drift_of(search_set(request), science, DETECTOR, TGROUP, request.parameters).changed


def test_rates_of_few_groups_do_not_drift_by_their_noise(small, tmp_path, reads):
    """Beside a pixel that fills its well early, the saturation step leaves two groups, in each integration or some."""
    usable = np.full((INTEGRATIONS, SIZE, SIZE), GROUPS)
    always, first_half = pixels(0), pixels(4)
    usable[:, always] = 2
    usable[:HALF, first_half] = 2
    assert not drift(small, tmp_path, reads, usable).any()


def test_what_turns_hot_or_good_is_seen_by_more_than_its_groups_allow(small, tmp_path, reads):
    usable = np.full((INTEGRATIONS, SIZE, SIZE), GROUPS)
    usable[:, pixels(0)] = 8
    reads = reads.copy()
    seconds = TGROUP * np.arange(1, GROUPS + 1)[:, None]
    for where, rate, half in (
        (pixels(0), 3.0, np.s_[HALF:]),
        (pixels(3), 1.0, np.s_[HALF:]),
        (pixels(6), 1.0, np.s_[:HALF]),
    ):
        reads[half, :, where] += (rate / DETECTOR.gain) * seconds
    changed = drift(small, tmp_path, reads, usable)
    assert (changed[pixels(0)] == NEW).all()
    assert (changed[pixels(3)] == NEW).all()
    assert (changed[pixels(6)] == GONE).all()
    assert not changed[~(pixels(0) | pixels(3) | pixels(6))].any()


def test_an_afterglow_is_no_lasting_change(small, tmp_path, reads):
    """Plant what a large hit in the middle of the delivery leaves in two integrations, falling as 1/t."""
    reads = reads.copy()
    seconds = TGROUP * np.arange(1, GROUPS + 1)[:, None]
    for i, rate in ((HALF, 1.6), (HALF + 1, 0.65)):
        reads[i][:, pixels(0)] += (rate / DETECTOR.gain) * seconds
    assert not drift(small, tmp_path, reads, np.full((INTEGRATIONS, SIZE, SIZE), GROUPS)).any()


def test_a_column_that_wanders_does_not_turn_hot_and_a_pixel_in_it_does(small, tmp_path, reads):
    """Plant a level that all pixels of a column share, and that rises in the second half by 0.6 e-/s in the mean."""
    reads, group = reads.copy(), np.arange(GROUPS)
    random = np.random.default_rng(8)
    slopes = random.normal(0, 2.0, INTEGRATIONS)
    slopes[HALF:] += 0.6 * TGROUP / DETECTOR.gain - slopes[HALF:].mean() + slopes[:HALF].mean()
    level = slopes[:, None] * group + random.normal(0, 6, (INTEGRATIONS, GROUPS))
    reads[..., 81] += level[:, :, None]
    reads[HALF:, :, 60, 81] += (1.0 / DETECTOR.gain) * TGROUP * group
    changed = drift(small, tmp_path, reads, np.full((INTEGRATIONS, SIZE, SIZE), GROUPS))
    assert np.argwhere(changed).tolist() == [[60, 81]]

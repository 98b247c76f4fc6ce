"""SBI: can the bias be subtracted?"""

import numpy as np
import pytest

from darkmask.core.window import Window
from darkmask.search.reffiles.superbias import measure_superbias, raw_set
from fixtures.session.endings import NotEvaluated


@pytest.mark.asks("SBI-UNRELIABLE")
def test_bias_is_reliable(check, delivery):
    """In what share of pixels does the first group scatter too much?"""
    records = raw_set(delivery.raw, check.detector, check.subarray)
    if not records:
        raise NotEvaluated(f"the delivery holds no _uncal files of {check.detector}", given=False)
    paths = [delivery.path(record) for record in records]
    found = measure_superbias(paths, detector=check.detector, subarray=check.subarray)
    rows, columns = found.scatter.shape
    window = Window(records[0].xstart, records[0].ystart, columns, rows)
    science = ~check.criteria.frame_geometry.reference_pixels(window)
    check.judge(
        found.unreliable[science].mean(),
        f"{found.unreliable[science].sum()} pixels of {check.detector} scatter 5 sigma more than others between the "
        f"first groups of {len(paths)} exposures, where a pixel typically scatters by "
        f"{np.nanmedian(found.scatter[science]):.1f} DN",
    )

"""SBI: can the bias be subtracted?"""

from pathlib import Path

import numpy as np
import pytest

from darkmask.core.remote import holding
from darkmask.core.window import Window
from darkmask.search.reffiles.superbias import raw_set
from darkmask.search.superbias import measure_resets, read_superbias, superbias_in_force
from fixtures.session.endings import NotEvaluated


@pytest.fixture
def records(check, delivery):
    """Return the raw exposures that can be compared."""
    found = raw_set(delivery.raw, check.detector, check.subarray)
    if not found:
        raise NotEvaluated(f"the delivery holds no _uncal files of {check.detector}", given=False)
    return found


@pytest.fixture
def resets(check, delivery, records):
    """Return the bias of each pixel by the first group of every integration."""
    with holding(delivery.path(record) for record in records) as paths:
        return measure_resets(paths, name=f"{check.detector} {check.subarray}")


@pytest.fixture
def science(check, records, resets):
    """Return the pixels that see light."""
    rows, columns = resets.scatter.shape
    window = Window(records[0].xstart, records[0].ystart, columns, rows)
    return ~check.criteria.frame_geometry.reference_pixels(window)


@pytest.mark.asks("SBI-SCATTER")
def test_bias_scatters_as_usual(check, resets, science):
    """By how much does the first group of a pixel typically scatter between resets?"""
    check.judge(np.median(resets.scatter[science]), f"{check.detector} after {resets.number} resets")


@pytest.mark.asks("SBI-UNRELIABLE")
def test_bias_is_reliable(check, resets, science):
    """In what share of pixels does the first group scatter too much?"""
    found = resets.unreliable(science) & science
    check.judge(
        found.sum() / science.sum(),
        f"{found.sum()} pixels of {check.detector} scatter more between {resets.number} resets than chance allows, "
        f"where a pixel typically scatters by {np.median(resets.scatter[science]):.1f} DN",
    )


@pytest.mark.asks("SBI-IN_FORCE")
def test_bias_is_that_in_force(check, records, resets, science):
    """In what share of pixels is the bias another than that in force?"""
    base = check.run.settings.base
    path = superbias_in_force(Path(base), check.detector, check.subarray, records[0].readpatt)
    if path is None:
        raise NotEvaluated(f"{base} holds no superbias of {check.detector} {check.subarray}", given=False)
    superbias = read_superbias(path, science.shape)
    whole = check.criteria.frame_geometry.amplifier_columns()
    amplifiers = whole if records[0].noutputs == len(whole) else (slice(None),)
    off = resets.off(superbias, science, amplifiers) & science
    typical = np.nanmedian((resets.median - superbias)[science])
    check.judge(
        off.sum() / science.sum(),
        f"The bias of {off.sum()} pixels of {check.detector} is another than in {path.name}, from which a pixel "
        f"typically differs by {typical:.1f} DN",
    )

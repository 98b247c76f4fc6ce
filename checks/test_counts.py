"""CNT: are there as many bad pixels of each category as a NIRCam detector has?"""

import numpy as np
import pytest

from darkmask.build.turned import good_again
from darkmask.core.categories import Category, in_category
from darkmask.core.flags import FLIGHT_FLAGS, four_neighbours, has_flag
from darkmask.core.reference_border import poorest_reference
from darkmask.reports.pictures import mask_map, noise_histogram, ramp_gallery, rate_histogram
from fixtures.session.endings import NotEvaluated
from fixtures.text import some_pixels


@pytest.mark.asks(*(f"CNT-{category.name}" for category in Category))
def test_fraction_of_pixels(check, products):
    """What fraction of the science pixels is of the category?"""
    category = Category[check.key.criterion.removeprefix("CNT-")]
    science = products.science_pixels
    if products.judged.generated:
        built = products.searched.set(check.detector, "FULL")
        found = in_category(built.categories, category) & science
        what = f"{category.value} pixels found by the search"
        if category is Category.HOT:
            title = f"{check.detector}: rates of the science pixels"
            check.show(rate_histogram, built.rate[science], built.summary["thresholds"], title)
        if category is Category.NOISY:
            title = f"{check.detector}: noise of the science pixels"
            unstable = found | in_category(built.categories, Category.TELEGRAPH)
            check.show(noise_histogram, built.noise[science], unstable[science], title)
    else:
        flag, mask = FLIGHT_FLAGS.mnemonics[category][0], products.judged.mask(check.detector).decoded
        found = has_flag(mask, flag) & science
        what = f"pixels with {flag} in the mask"
        if category is Category.LOW_PEDESTAL and check.run.settings.parameters.flight_flags().neighbours:
            # Neighbours of hot pixels have that flag too, and DO_NOT_USE, which low pedestals have not.
            found &= ~(four_neighbours(has_flag(mask, "HOT")) & has_flag(mask, "DO_NOT_USE"))
            what += ", but for unusable ones beside HOT,"
    hint = ""
    if category is Category.HOT and not found.any() and check.run.settings.engine == "jwst_reffiles":
        hint = "; jwst_reffiles flags only pixels that are saturated in every group and has no search for hot ones"
    count = int(found.sum())
    check.judge(count / science.sum(), f"{count} {what} of {check.detector}{hint}")


@pytest.mark.asks("CNT-HEALED")
def test_pixels_that_are_good_again(check, products):
    """What fraction of the science pixels was bad in earlier epochs, and is good in the last one?"""
    built = products.searched.set(check.detector, "FULL")
    if (built.summary["epochs"] or 1) < 2:
        raise NotEvaluated(f"the darks of {check.detector} are of one epoch")
    y, x = np.nonzero(good_again(built.categories, built.lights))
    check.judge(
        len(x) / products.science_pixels.sum(),
        f"{len(x)} pixels of {check.detector} were bad in earlier epochs, and are good in the last one and in the mask"
        + some_pixels(zip(x.tolist(), y.tolist(), strict=True)),
    )


@pytest.fixture
def shares(check, products) -> tuple[float, float, str]:
    """Return the shares of science pixels that may not be used by what was found and by what was carried, in words."""
    science = products.science_pixels
    unusable = has_flag(products.judged.mask(check.detector).decoded, "DO_NOT_USE") & science
    carried = products.judged.carried(check.detector, products.base.flags(check.detector)) & unusable
    total, inherited = int(unusable.sum()), int(carried.sum())
    told = (
        f"{total} pixels of {check.detector} are DO_NOT_USE, {total - inherited} of them by what was found and "
        f"{inherited} by what was carried; {100 * (1 - total / science.sum()):.3f} % are operable"
    )
    return (total - inherited) / science.sum(), inherited / science.sum(), told


@pytest.mark.asks("CNT-DO_NOT_USE")
def test_operability(check, products, shares):
    """What fraction of the science pixels may not be used by what was found in them?"""
    if products.judged.generated:
        built = products.searched.set(check.detector, "FULL")
        title = f"{check.detector}: bad pixels by category"
        check.show(mask_map, built.categories, built.rate, title)
        title = f"{check.detector}: ramps of some bad pixels"
        check.show(ramp_gallery, products.searched.built(check.detector).examples("FULL"), title)
    found, _, told = shares
    check.judge(found, told)


@pytest.mark.asks("CNT-CARRIED")
def test_carried(check, shares):
    """What fraction of the science pixels may not be used by what the mask in force says of them?"""
    _, carried, told = shares
    check.judge(carried, told)


@pytest.mark.asks("CNT-REFERENCE_PIXEL")
def test_bad_reference_pixels(check, products):
    """What fraction of the reference pixels is bad?"""
    border = products.geometry.reference_pixels()
    bad = has_flag(products.judged.mask(check.detector).decoded, "BAD_REF_PIXEL", "DO_NOT_USE") & border
    how = ""
    if products.judged.generated:
        found = products.searched.built(check.detector).summary["reference_pixels"]
        names = ("noisy", "switching", "stuck")
        told = ", ".join(f"{found[name]} {name}" for name in names) if found else "nobody searched them"
        how = f" ({told})"
    count = int(bad.sum())
    check.judge(count / max(border.sum(), 1), f"{count} reference pixels of {check.detector} are bad{how}")


@pytest.mark.asks("CNT-REFERENCE_GOOD")
def test_good_reference_pixels(check, products):
    """Of what share of its reference pixels can the pipeline make each mean that it subtracts?"""
    unusable = has_flag(products.judged.mask(check.detector).decoded, "DO_NOT_USE")
    share, name = poorest_reference(unusable, products.geometry)
    check.judge(share, f"Fewest usable reference pixels has {check.detector} in: {name}")

"""Ramps that lie elsewhere than their rates, or than other ramps: what was changed in one file or exposure alone."""

import numpy as np
from astropy import units
from astropy.io import fits
from astropy.time import Time

from darkmask.simulate import read_truth

from .planting import BORDER, HERE, Faults, every_exposure, unlinked
from .ramp_faults import JUMP_DET, LAST, SATURATED

fault = Faults("delivery")


@fault("DLV-PLACES", "DLV-HIDDEN", said=" of column 5")
def columns_exchanged_in_the_ramps(space):
    for ramps in every_exposure(space.delivery):
        for array in (ramps.sci, ramps.groupdq):
            array[..., [50, 51]] = array[..., [51, 50]]


@fault("DLV-PLACES", said="Ramps and rates of column")
def rates_of_other_integrations_in_some_columns(space):
    """Plant columns whose rates are those of the exposure before: all integrations together have the right ones."""
    columns, before = np.s_[..., 40:44], None
    opened = every_exposure(space.delivery)
    for ramps in opened:
        here = [array[columns].copy() for array in (ramps.rate, ramps.rate_dq)]
        if before is not None:
            ramps.rate[columns], ramps.rate_dq[columns] = before
        before = here


@fault("DLV-PLACES", "DLV-HIDDEN", said="Ramps and PEDESTAL of column")
def columns_exchanged_in_the_pedestals(space):
    for ramps in every_exposure(space.delivery):
        ramps.pedestal[..., [50, 51]] = ramps.pedestal[..., [51, 50]]


@fault("DLV-PLACES", said=" of column 9")
def a_column_that_wanders_in_the_ramps_alone(space):
    """Plant a level that a column has in common and that moves from read to read, of which the rates know nothing."""
    numbers = np.random.default_rng(20)
    for ramps in every_exposure(space.delivery):
        level = numbers.normal(0, 2, ramps.sci.shape[:2]).cumsum(axis=1)
        ramps.sci[..., BORDER:-BORDER, 90] += level[..., None].astype(np.float32)


@fault("DLV-JUMPS", "RES-NOISY", "STB-HALVES", said="steps of good pixels of NRCA1 FULL that only a hit makes")
def jumps_flagged_a_group_late(space):
    for number, ramps in enumerate(every_exposure(space.delivery), 1):
        if number == 3:
            jumps = np.roll(ramps.groupdq & JUMP_DET, 1, axis=1)
            jumps[:, 0] = 0
            ramps.groupdq[...] = (ramps.groupdq & ~np.uint8(JUMP_DET)) | jumps


# One cause: the others follow from it.
@fault(
    *("DLV-ALIGNED", "CNT-INTERMITTENT", "ENG-LOW_PEDESTAL", "ENG-ONLY", "ENG-RC", "INJ-EARLY_SATURATION"),
    *("INJ-NOISY", "INJ-INVERSE_RC", "RES-HOT", "RES-NOISY", "STB-HALVES"),
    said="if the others are flipped upside down",
)
def an_exposure_upside_down(space):
    for number, ramps in enumerate(every_exposure(space.delivery), 1):
        if number == 3:
            for array in (ramps.sci, ramps.groupdq, ramps.pixeldq, ramps.pedestal, ramps.rate, ramps.rate_dq):
                array[...] = array[..., ::-1, :].copy()


@fault(
    *("DLV-ALIGNED", "CNT-INTERMITTENT", "ENG-LOW_PEDESTAL", "ENG-RC", "RES-HOT", "RES-NOISY"),
    said="if the others are shifted by +1 in x and +0 in y",
)
def rows_of_an_exposure_moved(space):
    """Plant rows of one exposure that lie a column too far to the right, in all of its files."""
    for number, ramps in enumerate(every_exposure(space.delivery), 1):
        if number == 3:
            for array in (ramps.sci, ramps.groupdq, ramps.pedestal, ramps.rate, ramps.rate_dq):
                array[..., 40:100, 4:-4] = np.roll(array[..., 40:100, 4:-4], 1, axis=-1)


def put_later(path, days: int) -> None:
    """Move an exposure to a later day, in all that says when it was taken."""
    with fits.open(unlinked(path), mode="update") as hdus:
        header = hdus[0].header
        for keyword in ("EXPSTART", "EXPMID", "EXPEND"):
            if keyword in header:
                header[keyword] += days
        for keyword in ("DATE-OBS", "DATE-BEG", "DATE-END"):
            if keyword in header:
                header[keyword] = (Time(header[keyword]) + days * units.day).isot[: len(header[keyword])]
        if "INT_TIMES" in hdus:
            table = hdus["INT_TIMES"].data
            for name in table.names[1:]:
                table[name] += days


def hot_ones(space, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return y and x of some bright hot pixels."""
    table = read_truth(space.truth, HERE)
    some = table[table["category"] == "hot"]
    some.sort("strength")
    return np.array(some["y"][-number - 10 : -10]), np.array(some["x"][-number - 10 : -10])


def list_by_hand(space, named: str, xs, ys) -> None:
    """Give the run a list of pixels that somebody flagged by hand."""
    path = space.criteria.parent / f"{named}.csv"
    rows = [f"{HERE},{x},{y},HOT DO_NOT_USE" for x, y in zip(xs, ys, strict=True)]
    path.write_text("\n".join(["detector,x,y,mnemonics", *rows, ""]))
    space.options.append(f"--manual-flags={path}")


@fault("RES-MANUAL", said="of the other 20 they show 20 at x - 1, y - 1")
def pixels_by_hand_from_ds9(space):
    """Plant a list whose x and y count from 1."""
    y, x = hot_ones(space, 20)
    list_by_hand(space, "from_ds9", x + 1, y + 1)


@fault("RES-MANUAL", said="at x and y exchanged")
def pixels_by_hand_row_first(space):
    y, x = hot_ones(space, 20)
    list_by_hand(space, "row_first", y, x)


def without_rate(ramps, where) -> None:
    """Leave pixels as the ramp fit leaves those that it was told not to use."""
    ramps.rate[:, *where], ramps.pedestal[:, *where] = np.nan, 0
    ramps.rate_dq[:, *where] |= 1


@fault("DLV-HIDDEN", said="are good by their rates, and their ramps rise or begin otherwise")
def hot_pixels_replaced_in_the_rates(space):
    """Plant rates of which somebody replaced what stood out by what good pixels have, as is done for pictures."""
    where, numbers = hot_ones(space, 6), np.random.default_rng(4)
    for ramps in every_exposure(space.delivery):
        ramps.rate[:, *where] = numbers.normal(0, 0.05, ramps.rate[:, *where].shape)


@fault("DLV-HIDDEN", said="flags, or reads without a value, took 6 pixels out of the search")
def hot_pixels_that_pixeldq_took_out(space):
    """Plant darks whose steps were run with a mask that knows some hot pixels already."""
    where = hot_ones(space, 6)
    for ramps in every_exposure(space.delivery):
        ramps.pixeldq[where] |= 1
        ramps.groupdq[:, :, *where] |= 1
        without_rate(ramps, where)


@fault("DLV-HIDDEN", said="whose ramps are those of hot ones, or have no value")
def hot_pixels_that_groupdq_took_out(space):
    """Plant groups that a step of somebody's own flagged where it knew hot pixels."""
    where = hot_ones(space, 6)
    for ramps in every_exposure(space.delivery):
        ramps.groupdq[:, :, *where] |= 1
        without_rate(ramps, where)


@fault("DLV-HIDDEN", said="took 6 pixels out of the search whose ramps")
def hot_pixels_without_reads(space):
    """Plant ramps in which somebody put NaN where known hot pixels are, too few of them for a share of all reads."""
    where = hot_ones(space, 6)
    for ramps in every_exposure(space.delivery):
        ramps.sci[:, :, *where] = np.nan
        without_rate(ramps, where)


@fault("CNT-HEALED", said="12 pixels of NRCA1 were bad in earlier epochs, and are good in the last one and in the mask")
def hot_pixels_cleaned_in_the_last_epoch(space):
    """Plant a last exposure of another month, out of which somebody took hot pixels."""
    y, x = hot_ones(space, 12)
    paths = sorted(space.delivery.glob(f"jw?????001*_{HERE.lower()}_*.fits"))
    last = paths[-1].name[:25]
    for path in paths:
        if path.name.startswith(last):
            put_later(path, days=40)
    for number, ramps in enumerate(every_exposure(space.delivery)):
        if number == LAST:
            slopes = ramps.slopes(ramps.sci[:, :, y, x])
            usual = np.median(slopes, axis=0)
            ramps.sci[:, :, y, x] -= (usual * ramps.seconds).astype(np.float32)
            ramps.rate[:, y, x] = slopes - usual


@fault("DLV-REPLACED", said="the ramps of 6 pixels of NRCA1 FULL are those of pixels around them, or their mean")
def hot_pixels_mended(space):
    """Plant darks in which somebody put the mean of two neighbours in the place of known hot pixels, in all files."""
    y, x = hot_ones(space, 6)
    for ramps in every_exposure(space.delivery):
        for values in (ramps.sci, ramps.rate, ramps.pedestal):
            values[..., y, x] = (values[..., y, x - 1] + values[..., y, x + 1]) / 2
        for flags in (ramps.groupdq, ramps.rate_dq):
            flags[..., y, x] = flags[..., y, x - 1] | flags[..., y, x + 1]


@fault("DLV-FULL", said="hold less than a third of a well, and lie beside no full one; some are x")
def hot_pixels_called_saturated_early(space):
    """Plant a saturation reference with low limits at known hot pixels: of their ramps two groups are left."""
    where = hot_ones(space, 12)
    for ramps in every_exposure(space.delivery):
        ramps.groupdq[:, 2:, *where] |= SATURATED
        first = ramps.sci[:, :2, *where]
        ramps.rate[:, *where] = (first[:, 1] - first[:, 0]) / ramps.seconds[0, 0]


@fault("DRK-STEADY", "RES-HOT", said="of their usual rate in")
def exposures_of_a_colder_detector(space):
    for number, ramps in enumerate(every_exposure(space.delivery), 1):
        if number > 3:
            bright = np.nan_to_num(ramps.rate).mean(axis=0) > 0.1
            ramps.sci[:, :, bright] -= 0.6 * (ramps.sci - ramps.sci[:, :1])[:, :, bright]
            ramps.rate[:, bright] *= np.float32(0.4)

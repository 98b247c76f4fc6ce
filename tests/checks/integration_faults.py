"""Faults in what integrations hold: copies, what was never measured or was altered, what belongs to another one."""

import shutil
from itertools import islice

import numpy as np
from astropy.io import fits

from darkmask.core.detectors import detector

from .delivery_faults import FITOPT, JUMP, RATEINTS
from .mask_file_faults import ALL_OF_A_MASK
from .planting import HERE, Faults, edit, every_exposure, one, unlinked
from .ramp_faults import DO_NOT_USE, SATURATED, spread

TIME_CARDS = ("EXPSTART", "EXPMID", "EXPEND", "DATE-BEG", "DATE-END", "TIME-OBS", "DATE-OBS")

fault = Faults("delivery")


def copy_exposures(space, *numbers: int) -> None:
    """Make exposures the same as the first one in all but their number."""
    for kind in ("jump", "fitopt", "rate", "rateints"):
        first = one(space.delivery, f"*_00001_nrca1_{kind}.fits")
        for number in numbers:
            path = one(space.delivery, f"*_0000{number}_nrca1_{kind}.fits")
            path.unlink()
            shutil.copy(first, path)
            edit(path, EXPOSURE=f"0000{number}")


# What says something of a search, and of the mask that it makes: two integrations cannot be searched.
@fault(
    *("DLV-INTEGRATIONS", "DLV-DISTINCT", "DLV-TIMES", "DLV-PIXELDQ", "DLV-RATES", "DLV-UNRATED", "DLV-HIDDEN"),
    *("DLV-FLAGS", "DLV-FULL"),
    *("DRK-COSMIC_RAYS", "DRK-NOISE", "DRK-PEDESTAL", "DRK-FULL", "DRK-START", "DRK-INDEPENDENT"),
    "STB-HALVES",
    *("CNT-SATURATED", "CNT-INVERSE_RC", "CNT-UNDETERMINED", *ALL_OF_A_MASK),
    *("INJ-HOT", "INJ-INVERSE_RC", "INJ-LOW_PEDESTAL", "INJ-NOISY", "INJ-PURITY", "INJ-RC", "INJ-SATURATED"),
    *("INJ-TELEGRAPH", "INJ-INTERMITTENT", "INJ-EARLY_SATURATION", "CNT-INTERMITTENT", "CNT-TRANSIENT"),
    *("CNT-REFERENCE_PIXEL", "CNT-REFERENCE_GOOD", "DRK-AMPLIFIER", "ENG-ONLY", "RES-HOT", "RES-NOISY", "STB-DRIFT"),
    *("STR-FINDINGS", "STR-PATCHES"),
    said="10 integrations, 2 of them different",
)
def copied_exposures(space):
    """Plant five exposures that are the same one."""
    copy_exposures(space, 2, 3, 4, 5)


@fault(
    *("DLV-INTEGRATIONS", "DLV-DISTINCT", "DLV-TIMES", "STB-HALVES", "STB-DRIFT", "DRK-AMPLIFIER", "ENG-ONLY"),
    *("RES-HOT", "RES-NOISY", "STR-PATCHES"),
    said="10 integrations, 4 of them different",
)
def copies_of_most_exposures(space):
    copy_exposures(space, 3, 4, 5)


@fault(
    "DLV-DISTINCT",
    "DLV-TIMES",
    "STB-HALVES",
    "STB-DRIFT",
    "STR-PATCHES",
    said="nrca1_jump.fits is a copy of integration",
)
def copied_integrations(space):
    """Plant an exposure that is another one, which leaves eight integrations of ten."""
    copy_exposures(space, 3)


@fault("DLV-DISTINCT", "STB-HALVES", said="is no measurement: the ramp is 0 in more than half of its pixels")
def zero_filled_integration(space):
    for name, pattern in (("SCI", JUMP), ("PEDESTAL", FITOPT), ("SCI", RATEINTS)):
        with fits.open(unlinked(one(space.delivery, pattern)), mode="update") as hdus:
            hdus[name].data[1] = 0


@fault("DLV-DISTINCT", "STB-HALVES", said="is no measurement in rows 60 to 67: the rate is one value there")
def rows_without_rates(space):
    """Plant an integration that lost eight rows of its rates, as a packet that was not received leaves it."""
    with fits.open(unlinked(one(space.delivery, RATEINTS)), mode="update") as hdus:
        hdus["SCI"].data[1, 60:68] = 0


@fault("DLV-DISTINCT", "STB-HALVES", said="PEDESTAL are that of another row or integration there")
def integration_that_ends_as_another(space):
    """Plant an integration whose last rows are those of the one before: its own were never written."""
    for ramps in islice(every_exposure(space.delivery), 1):
        for array in (ramps.sci, ramps.groupdq, ramps.pedestal, ramps.rate, ramps.rate_dq):
            array[1, ..., 100:, :] = array[0, ..., 100:, :]


@fault("DLV-DISTINCT", "DLV-TOGETHER", "DLV-FAINT", said="was altered: the rate is")
def rates_cut_off(space):
    """Plant rates of which somebody cut off what is less than nearly all of the noise, as others cut off at 0."""
    for ramps in every_exposure(space.delivery):
        np.maximum(ramps.rate, np.nanquantile(ramps.rate, 0.15), out=ramps.rate)


@fault("DLV-DISTINCT", said="was altered: the rate is rounded and PEDESTAL is rounded")
def rates_and_pedestals_in_half_precision(space):
    for ramps in every_exposure(space.delivery):
        for array in (ramps.rate, ramps.pedestal):
            array[...] = array.clip(-65_000, 65_000).astype(np.float16)


@fault("DLV-DISTINCT", said="was altered: the ramp is rounded")
def ramps_in_half_precision(space):
    for ramps in every_exposure(space.delivery):
        ramps.sci[...] = ramps.sci.clip(-65_000, 65_000).astype(np.float16)


@fault("DLV-DISTINCT", "DLV-FAINT", said="was altered: the ramp is rounded")
def ramps_in_steps_of_four(space):
    for ramps in every_exposure(space.delivery):
        ramps.sci[...] = 4 * np.round(ramps.sci / 4)


@fault(
    "DLV-DISTINCT",
    "DRK-QUIET",
    "DLV-FAINT",
    *("DRK-SCALE", "DLV-BRIGHT"),
    said="was altered: group 16 of its ramp is group 15 of its ramp again",
)
def last_group_of_each_ramp_repeated(space):
    """Plant ramps whose last group was lost, and filled with the one before."""
    for ramps in every_exposure(space.delivery):
        ramps.sci[:, -1] = ramps.sci[:, -2]


@fault("DLV-DISTINCT", said="was altered: 0.36 % of the reads of its ramp have no value and no flag that says why")
def reads_without_a_value(space):
    """Plant a read without a value in some columns of each ramp, and no flag: the fit left it out."""
    for ramps in every_exposure(space.delivery):
        ramps.sci[:, 6, :, 3::16] = np.nan


@fault("DLV-TIMES", said="by INT_TIMES: make it again")
def times_of_another_exposure(space):
    """Plant in each exposure the times of the next one, and in the last those of the first."""
    for pattern in (JUMP, RATEINTS):
        exchange(space, pattern, "INT_TIMES")


@fault("DLV-TIMES", said="and has a higher EXPOSURE number: make both")
def exposures_in_a_wrong_order(space):
    """Plant times in the reverse order of exposures, in all cards and tables."""
    for kind in ("jump", "fitopt", "rate", "rateints"):
        paths = [one(space.delivery, f"*_0000{number}_nrca1_{kind}.fits") for number in range(1, 6)]
        for path, (cards, tables) in zip(paths, [_times_in(path) for path in paths][::-1], strict=True):
            edit(path, **cards)
            with fits.open(path, mode="update") as hdus:
                for table in tables:
                    hdus["INT_TIMES"].data = table


def _times_in(path):
    """Return the cards of a file's primary header that say when it was taken, and its tables that do."""
    with fits.open(path, memmap=False) as hdus:
        cards = {card.replace("-", "__"): hdus[0].header[card] for card in TIME_CARDS if card in hdus[0].header}
        return cards, [hdu.data for hdu in hdus if hdu.name == "INT_TIMES"]


@fault("DLV-TIMES", said="do not follow one another")
def integrations_in_a_wrong_order(space):
    """Plant an INT_TIMES by which the second integration of an exposure was taken before the first."""
    for pattern in (JUMP, RATEINTS):
        with fits.open(unlinked(one(space.delivery, pattern)), mode="update") as hdus:
            table = hdus["INT_TIMES"].data
            table["int_mid_MJD_UTC"] = table["int_mid_MJD_UTC"][::-1].copy()


@fault("DLV-DISTINCT", said="the noise of its ramp is that of integration")
def exposure_processed_twice(space):
    """Plant as the last exposure the one before it, of another scale and pedestal, with times of its own."""
    before, last = islice(every_exposure(space.delivery), 3, 5)
    for name, scale, more in (("sci", 1.0005, 0.7), ("pedestal", 1.0005, 0.7), ("rate", 1.0005, 0.0)):
        getattr(last, name)[...] = getattr(before, name) * np.float32(scale) + np.float32(more)
    last.groupdq[...], last.rate_dq[...] = before.groupdq, before.rate_dq


@fault("DLV-TIMES", said="where 16 groups of 21.4735 s take 343.58 s")
def rapid_called_bright1(space):
    """Plant RAPID darks whose headers, and rates by them, are those of BRIGHT1: each second frame were dropped."""
    for path in space.delivery.glob("*_nrca1_*.fits"):
        edit(path, READPATT="BRIGHT1", NFRAMES=1, GROUPGAP=1, TGROUP=21.47354)
    for ramps in every_exposure(space.delivery):
        ramps.rate /= 2


@fault("DLV-TOGETHER", "DLV-FAINT", "DLV-BRIGHT", "DRK-SCALE", said="is in the rates of integration")
def rates_of_the_next_exposure(space):
    exchange(space, RATEINTS, "SCI", "DQ")


@fault("DLV-TOGETHER", said="is in the PEDESTAL of")
def pedestals_of_the_next_exposure(space):
    exchange(space, FITOPT, "PEDESTAL")


def exchange(space, pattern: str, *extensions: str) -> None:
    """Give each exposure arrays of the next one, and the last those of the first."""
    paths = [unlinked(path) for path in sorted(space.delivery.glob(pattern.replace("00001", "*")))]
    arrays = [[fits.getdata(path, name).copy() for name in extensions] for path in paths]
    for path, others in zip(paths, [*arrays[1:], arrays[0]], strict=True):
        with fits.open(path, mode="update") as hdus:
            for name, array in zip(extensions, others, strict=True):
                hdus[name].data = array


@fault("DLV-TOGETHER", "DLV-BRIGHT", "DRK-SCALE", "DLV-FAINT", said="is in the rates of")
def rates_in_electrons(space):
    for ramps in every_exposure(space.delivery):
        ramps.rate *= np.float32(2.13)


@fault("DLV-TOGETHER", said="is in the rates of")
def faint_rates_a_tenth_too_small(space):
    """Plant rates that somebody scaled where they are faint: no hot pixel tells."""
    for ramps in every_exposure(space.delivery):
        ramps.rate[np.abs(ramps.rate) < 0.2] *= np.float32(0.9)


@fault("DLV-FAINT", said="differ from lines through their ramps by more than a quarter")
def rates_less_those_of_another_dark(space):
    """Plant rates of which somebody subtracted those of a dark of ten other integrations, and left the ramps."""
    dark = np.random.default_rng(3).normal(0.001, 0.012, (128, 128)).astype(np.float32)
    for ramps in every_exposure(space.delivery):
        ramps.rate -= dark


@fault("DLV-FLAGS", said="have a flag (DO_NOT_USE) in group 1 of integration 2 of jw01062001001_02101_00002")
def a_group_taken_out_of_all_ramps(space):
    """Plant an exposure of which a step for other instruments took out the first group."""
    for number, ramps in enumerate(every_exposure(space.delivery)):
        if number == 1:
            ramps.groupdq[:, 0] |= DO_NOT_USE


@fault("DLV-BRIGHT", said="differ by more than a tenth from what their ramps rise by in")
def bright_rates_of_one_exposure_cut_off(space):
    """Plant rates of which somebody cut off what is far brighter than others, in one exposure."""
    for number, ramps in enumerate(every_exposure(space.delivery)):
        if number == 1:
            ramps.rate[ramps.rate > 18] = 18


@fault("DRK-SCALE", "DLV-BRIGHT", said="of NRCA1 FULL differ by more than a tenth from what their ramps rise by in")
def rates_of_moderate_brightness_too_small(space):
    """Plant rates that somebody corrected between two brightnesses, in all exposures."""
    gain = detector(HERE).gain
    for ramps in every_exposure(space.delivery):
        moderate = (ramps.rate * gain > 0.3) & (ramps.rate * gain < 2)
        ramps.rate[moderate] *= np.float32(0.62)


@fault("DRK-SCALE", said="bright pixels of NRCA1 rise by 1.06")
def bright_rates_of_two_exposures_too_small(space):
    """Plant rates that somebody scaled where they are bright, in some exposures: no faint pixel tells."""
    for number, ramps in enumerate(every_exposure(space.delivery)):
        if number in (1, 2):
            ramps.rate[ramps.rate > 0.3] *= np.float32(0.94)


@fault("DRK-PEDESTAL", "ENG-LOW_PEDESTAL", said="Good pixels of NRCA1 have a median PEDESTAL of")
def bias_not_subtracted(space):
    """Plant the bias of another readout; what is saturated from the first group on keeps the pedestal of no fit, 0."""
    for ramps in every_exposure(space.delivery):
        ramps.sci += np.float32(2000)
        ramps.pedestal[(ramps.groupdq[:, 0] & SATURATED) == 0] += np.float32(2000)


@fault("DLV-UNFITTED", said="have a rate in integrations of which each group is saturated")
def rates_cleaned_of_nan(space):
    """Plant rates of which somebody replaced what could not be fitted by what lies around, as is done for pictures."""
    for ramps in every_exposure(space.delivery):
        for by in (4, -4):
            around = np.roll(ramps.rate, by, axis=-1)
            ramps.rate[...] = np.where(np.isfinite(ramps.rate), ramps.rate, around)


@fault("DLV-UNRATED", said="have no rate, and a flag, in integrations of which")
def rates_taken_out(space):
    """Plant rates of which somebody took out those of some pixels, and flagged them, as cleaning does."""
    for ramps in every_exposure(space.delivery):
        where = spread(40)
        ramps.rate[:, where] = np.nan
        ramps.rate_dq[:, where] |= DO_NOT_USE

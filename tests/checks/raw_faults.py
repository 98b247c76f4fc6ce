"""Faults in raw exposures that lie beside their triplets."""

from collections.abc import Callable

import numpy as np
from astropy.io import fits

from .planting import HERE, Faults, one_in

fault = Faults("delivery")
SUPERBIAS = 10_000


def add_raw(space, change: Callable[[np.ndarray, int], np.ndarray] = lambda frame, _: frame) -> None:
    """Write raw exposures as their own ramps were before the superbias was subtracted.

    Parameters
    ----------
    space : Workspace
    change : callable
        Takes the first group of an integration (y, x), float, and the number of the reset; returns what it becomes.
    """
    reset = 0
    for jump in sorted(space.delivery.glob(f"*001001_*_{HERE.lower()}_jump.fits")):
        with fits.open(jump) as hdus:
            groups = hdus["SCI"].data[:, :2].astype(float) + SUPERBIAS
            for ramp in groups:
                ramp[0] = change(ramp[0], reset)
                reset += 1
            counts = np.clip(np.rint(groups), 0, 65535).astype(np.uint16)
            raw = fits.HDUList([fits.PrimaryHDU(header=hdus[0].header), fits.ImageHDU(counts, name="SCI")])
            raw.writeto(str(jump).replace("_jump", "_uncal"))


def add_superbias(space, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Put a superbias beside the masks in force: that of the raw exposures, changed."""
    header = fits.Header({"REFTYPE": "SUPERBIAS", "DETECTOR": HERE, "SUBARRAY": "FULL", "READPATT": "ANY"})
    data = change(np.full((128, 128), float(SUPERBIAS), np.float32))
    made = fits.HDUList([fits.PrimaryHDU(header=header), fits.ImageHDU(data, name="SCI")])
    made.writeto(space.base / "superbias.fits")


@fault("SBI-UNRELIABLE", said="more between 10 resets")
def a_bias_that_wanders(space):
    """Plant another bias in one pixel of twenty, in every second reset."""
    add_raw(space, lambda frame, number: frame + 400.0 * (number % 2) * one_in(20, frame.shape))


@fault("SBI-SCATTER", said="0 DN")
def copies_of_one_exposure(space):
    kept = []

    def first(frame, _):
        kept.append(frame)
        return kept[0]

    add_raw(space, first)


@fault("SBI-UNRELIABLE", said="more between 10 resets")
def an_output_without_a_bias(space):
    """Plant a quarter of the frame that scatters over the whole range of the converter."""
    rng = np.random.default_rng(1)

    def change(frame, _):
        frame = frame.copy()
        frame[:, : frame.shape[1] // 4] = rng.uniform(0, 20_000, (frame.shape[0], frame.shape[1] // 4))
        return frame

    add_raw(space, change)


@fault("SBI-SCATTER", said="DN; from 3 to 60")
def resets_that_fail(space):
    """Plant a detector of which every pixel scatters so much that none stands out."""
    rng = np.random.default_rng(1)
    add_raw(space, lambda frame, _: frame + rng.normal(0, 300, frame.shape))


@fault("SBI-IN_FORCE", said="is another than in superbias.fits")
def a_superbias_of_other_pixels(space):
    """Plant a superbias in which one pixel of twenty lies elsewhere."""
    add_raw(space)
    add_superbias(space, lambda bias: bias + 400.0 * one_in(20, bias.shape))


@fault("SBI-UNRELIABLE", "DLV-TRIPLETS", said="python -m darkmask prepare")
def raw_without_triplet(space):
    """Plant a raw exposure that nobody made a triplet of, and a bias that wanders, to tell both apart."""
    add_raw(space, lambda frame, number: frame + 400.0 * (number % 2) * one_in(20, frame.shape))
    last = sorted(space.delivery.glob(f"*001001_*_{HERE.lower()}_uncal.fits"))[-1]
    with fits.open(last, mode="update") as hdus:
        hdus[0].header["EXPOSURE"] = "00099"

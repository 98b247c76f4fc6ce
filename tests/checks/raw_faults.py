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
        Takes the first group (y, x), float, and the number of the exposure; returns what the group becomes.
    """
    for number, jump in enumerate(sorted(space.delivery.glob(f"*001001_*_{HERE.lower()}_jump.fits"))):
        with fits.open(jump) as hdus:
            groups = hdus["SCI"].data[:1, :2].astype(float) + SUPERBIAS
            groups[0, 0] = change(groups[0, 0], number)
            counts = np.clip(np.rint(groups), 0, 65535).astype(np.uint16)
            raw = fits.HDUList([fits.PrimaryHDU(header=hdus[0].header), fits.ImageHDU(counts, name="SCI")])
            raw.writeto(str(jump).replace("_jump", "_uncal"))


@fault("SBI-UNRELIABLE", said="the first groups of 5 exposures")
def a_bias_that_wanders(space):
    """Plant another bias in one pixel of twenty, in every second exposure."""
    add_raw(space, lambda frame, number: frame + 400.0 * (number % 2) * one_in(20, frame.shape))


@fault("SBI-UNRELIABLE", said="0 pixels of NRCA1 scatter")
def copies_of_one_exposure(space):
    kept = []

    def first(frame, _):
        kept.append(frame)
        return kept[0]

    add_raw(space, first)


@fault("SBI-UNRELIABLE", said="0 pixels of NRCA1 scatter")
def an_output_without_a_bias(space):
    """Plant a quarter of the frame that scatters so much that no pixel stands out."""
    rng = np.random.default_rng(1)

    def change(frame, _):
        frame = frame.copy()
        frame[:, : frame.shape[1] // 4] = rng.uniform(0, 20_000, (frame.shape[0], frame.shape[1] // 4))
        return frame

    add_raw(space, change)


@fault("SBI-UNRELIABLE", "DLV-TRIPLETS", said="python -m darkmask prepare")
def raw_without_triplet(space):
    """Plant a raw exposure that nobody made a triplet of, and a bias that wanders, to tell both apart."""
    add_raw(space, lambda frame, number: frame + 400.0 * (number % 2) * one_in(20, frame.shape))
    last = sorted(space.delivery.glob(f"*001001_*_{HERE.lower()}_uncal.fits"))[-1]
    with fits.open(last, mode="update") as hdus:
        hdus[0].header["EXPOSURE"] = "00099"

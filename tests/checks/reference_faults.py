"""Faults in what a mask says of itself: what CRDS and the pipeline refuse, and what both accept without a word."""

import numpy as np
from astropy.io import fits

from .planting import Faults, edit

fault = Faults("masks")


def drop(space, *keywords: str) -> None:
    """Take keywords out of the primary header."""
    with fits.open(space.mask, mode="update") as hdus:
        for keyword in keywords:
            del hdus[0].header[keyword]


def store(space, how) -> None:
    """Store the DQ array in another way."""
    with fits.open(space.mask) as hdus:
        made = fits.HDUList([hdu.copy() for hdu in hdus])
        position = made.index_of("DQ")
        made[position] = fits.ImageHDU(how(hdus["DQ"].data), name="DQ")
    made.writeto(space.mask, overwrite=True)


@fault("REF-SCHEMA", "REF-CERTIFY", said="Model.meta is missing values for ['author']")
def no_author(space):
    drop(space, "AUTHOR")


@fault("REF-CERTIFY", said="SOMEWHERE")
def pedigree_of_no_kind(space):
    edit(space.mask, PEDIGREE="SOMEWHERE")


@fault("REF-CERTIFY", said="USEAFTER")
def useafter_that_is_no_date(space):
    edit(space.mask, USEAFTER="after the launch")


@fault("REF-DQINIT", "REF-HEADER", said="DQInit refuses")
def no_subarray_corner(space):
    drop(space, "SUBSTRT1", "SUBSTRT2", "SUBSIZE1", "SUBSIZE2")


@fault("REF-DQINIT", "REF-CERTIFY", "REF-HEADER", said="PIXELDQ of a SUB160 dark differs")
def corner_of_the_frame_moved(space):
    edit(space.mask, SUBSTRT1=5)


@fault("REF-HEADER", said="has FASTAXIS 1 where -1 belongs to NRCA1")
def axes_of_another_detector(space):
    edit(space.mask, FASTAXIS=1, SLOWAXIS=-2)


@fault("REF-HEADER", said="is named for NRCA3 and its header says DETECTOR NRCA1")
def mask_of_another_detector(space):
    space.mask.rename(space.mask.with_name("jwst_nircam_mask_nrca3.fits"))


@fault("REF-DTYPE", said="stores DQ as int64 where uint32 was expected")
def array_of_signed_integers(space):
    store(space, lambda dq: dq.astype(np.int64))


@fault("REF-SCHEMA", said="ROTTEN")
def row_of_dq_def_with_a_name_of_its_own(space):
    """Plant a row that is of no use: the model logs that it leaves it out."""
    with fits.open(space.mask, mode="update") as hdus:
        table = hdus["DQ_DEF"].data
        table["NAME"][table["VALUE"] == 2**8] = "ROTTEN"


@fault("DQ-DEF", said="has no DQ_DEF")
def no_dq_def(space):
    with fits.open(space.mask, mode="update") as hdus:
        del hdus["DQ_DEF"]

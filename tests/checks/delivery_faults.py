"""Faults in what is delivered: files, headers, and what belongs together."""

import shutil

import numpy as np
from astropy.io import fits

from darkmask.core.flags import bits_of
from tests.support.segments import cut_exposure

from .planting import Faults, edit, every_exposure, one, unlinked

JUMP, FITOPT, RATEINTS = "*_00001_nrca1_jump.fits", "*_00001_nrca1_fitopt.fits", "*_00001_nrca1_rateints.fits"

fault = Faults("delivery")


@fault("DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES", said="has no _fitopt partner: deliver it")
def remove_partner(space):
    one(space.delivery, FITOPT).unlink()


@fault("DLV-FILES", "DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES", said="nrca1_jump.fits has 1")
def truncate(space):
    path = unlinked(one(space.delivery, JUMP))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


@fault("DLV-FILES", "DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES", said="nrca1_rateints.fits is not a FITS file")
def not_fits(space):
    one(space.delivery, RATEINTS).unlink()
    (space.delivery / one(space.delivery, JUMP).name.replace("jump", "rateints")).write_text("this is no FITS file\n")


@fault("DLV-FILES", "DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES", said="nrca1_jump.fits is empty (0 bytes)")
def empty_file(space):
    one(space.delivery, JUMP).unlink()
    (space.delivery / "jw01062001001_02101_00001_nrca1_jump.fits").touch()


@fault(
    "DLV-FILES",
    "DLV-TRIPLETS",
    "DLV-EXPOSURES",
    "STB-HALVES",
    said="is named for NRCA1 and its header says DETECTOR NRCB3",
)
def wrong_detector(space):
    edit(one(space.delivery, JUMP), DETECTOR="NRCB3")


@fault(
    "DLV-FILES",
    "DLV-TRIPLETS",
    "DLV-EXPOSURES",
    "STB-HALVES",
    said="has DETECTOR 'MIRIMAGE', which is no NIRCam detector",
)
def no_nircam_detector(space):
    edit(one(space.delivery, JUMP), DETECTOR="MIRIMAGE")


@fault("DLV-SETS", "DLV-EXPOSURES", "STB-HALVES", said="The exposures are of: NRCA1 FULL RAPID 16 groups")
def mixed_groups(space):
    with fits.open(unlinked(one(space.delivery, JUMP)), mode="update") as hdus:
        for name in ("SCI", "GROUPDQ"):
            hdus[name].data = hdus[name].data[:, :15].copy()
    for pattern in (JUMP, FITOPT, RATEINTS, RATEINTS.replace("rateints", "rate")):
        edit(one(space.delivery, pattern), NGROUPS=15)


@fault("DLV-GEOMETRY", "DLV-EXPOSURES", "STB-HALVES", said="of 16 groups and its header says 2 of 40")
def groups_of_the_header(space):
    edit(one(space.delivery, JUMP), NGROUPS=40)


@fault("DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES", "DLV-PLAN", said="is of the set NRCA1 SUB160")
def other_subarray(space):
    edit(one(space.delivery, RATEINTS), SUBARRAY="SUB160")


@fault("DLV-PLAN", "DLV-EXPOSURES", "STB-HALVES", said="NRCA1 has SUB160")
def unplanned_subarray(space):
    for pattern in (JUMP, FITOPT, RATEINTS, RATEINTS.replace("rateints", "rate")):
        edit(one(space.delivery, pattern), SUBARRAY="SUB160")


@fault("DLV-LISTED", said="was to have 6 exposures with 12 integrations and has 5 with 10")
def exposure_that_never_came(space):
    sets = [("NRCA1", "FULL", "001", 6), ("NRCBLONG", "FULL", "001", 5), ("NRCBLONG", "SUB64P", "002", 5)]
    with space.criteria.open("a") as file:
        for detector, subarray, observation, exposures in sets:
            file.write(
                f'\n[[plan.sets]]\ndetector = "{detector}"\nsubarray = "{subarray}"\nobservation = "{observation}"\n'
                f'readpatt = "RAPID"\ngroups = 16\nexposures = {exposures}\nintegrations = {2 * exposures}\n'
                "first = 2020-01-01\nlast = 2030-01-01\n"
            )


@fault("DLV-FILES", "DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES", said="lacks the header keyword DATE-OBS")
def no_date(space):
    with fits.open(unlinked(one(space.delivery, JUMP)), mode="update") as hdus:
        del hdus[0].header["DATE-OBS"]


@fault(
    "DLV-FILES",
    "DLV-TRIPLETS",
    "DLV-EXPOSURES",
    "STB-HALVES",
    said="has integration 1 in several rows of INT_TIMES",
)
def copied_row_of_int_times(space):
    """Plant an INT_TIMES whose second row is the first one: its exposure was put at the time that EXPSTART says."""
    with fits.open(unlinked(one(space.delivery, JUMP)), mode="update") as hdus:
        hdus["INT_TIMES"].data[1] = hdus["INT_TIMES"].data[0]


@fault("DLV-EXPOSURES", "STB-HALVES", "DRK-AMPLIFIER", said="The delivery holds 3 whole exposures of NRCA1 FULL")
def three_exposures(space):
    for path in [*space.delivery.glob("*_00004_nrca1_*"), *space.delivery.glob("*_00005_nrca1_*")]:
        path.unlink()


@fault("DLV-STEPS", said="has S_DARK COMPLETE: the dark was subtracted")
def dark_subtracted(space):
    edit(one(space.delivery, JUMP), S_DARK="COMPLETE")


@fault("DLV-STEPS", said="has S_JUMP SKIPPED where COMPLETE was expected")
def jump_step_missing(space):
    edit(one(space.delivery, JUMP), S_JUMP="SKIPPED")


@fault("DLV-STEPS", said="has S_SATURA SKIPPED: make it again with this step")
def saturation_step_left_out(space):
    edit(one(space.delivery, JUMP), S_SATURA="SKIPPED")


@fault("DLV-ALIKE", said="superbias_0117.fits, where most files of its set have jwst_0000.pmap and N/A:")
def another_superbias(space):
    for kind in (JUMP, FITOPT, RATEINTS):
        edit(one(space.delivery, kind), CRDS_CTX="jwst_1140.pmap", R_SUPERB="crds://jwst_nircam_superbias_0117.fits")


@fault("DLV-STEPS", said="has S_REFPIX SKIPPED, where most files of its set have COMPLETE")
def reference_pixels_of_one_exposure_left_out(space):
    for pattern in (JUMP, RATEINTS):
        edit(one(space.delivery, pattern), S_REFPIX="SKIPPED")


@fault("DLV-DARKS", said="has EXP_TYPE NRC_IMAGE where NRC_DARK was expected")
def no_dark(space):
    for pattern in (JUMP, FITOPT, RATEINTS):
        edit(one(space.delivery, pattern), EXP_TYPE="NRC_IMAGE")


@fault("DLV-GEOMETRY", said="has FASTAXIS, SLOWAXIS 1, 2 where -1, 2 belong to NRCA1")
def raw_orientation(space):
    edit(one(space.delivery, JUMP), FASTAXIS=1, SLOWAXIS=2)


@fault("DLV-RATES", said="carry no DQ flag, in jw01062001001_02101_00001_nrca1_rateints.fits")
def unexplained_nan(space):
    with fits.open(unlinked(one(space.delivery, RATEINTS)), mode="update") as hdus:
        hdus["SCI"].data[0, 60, 60] = np.nan


@fault("DLV-PIXELDQ", said="can be learnt, in jw01062001001_02101_00001_nrca1_jump.fits")
def lost_pixels(space):
    with fits.open(unlinked(one(space.delivery, JUMP)), mode="update") as hdus:
        hdus["PIXELDQ"].data[50:60, 50:60] |= 1


@fault("DLV-BORDER", said="nrca1_jump.fits calls 720 pixels reference pixels that are none, or leaves out")
def reference_pixels_elsewhere(space):
    for path in sorted(space.delivery.glob("*_nrca1_jump.fits")):
        with fits.open(unlinked(path), mode="update") as hdus:
            hdus["PIXELDQ"].data = np.roll(hdus["PIXELDQ"].data, 3, axis=1)


@fault("DLV-BORDER", said="leaves out reference pixels")
def pixeldq_without_a_flag(space):
    for ramps in every_exposure(space.delivery):
        ramps.pixeldq[...] = 0


@fault("DLV-BORDER", said="_00003_nrca1_jump.fits calls 1984 pixels")
def one_exposure_of_another_mask(space):
    """Plant an exposure whose mask marked a dead pixel, and no reference pixel."""
    for number, ramps in enumerate(every_exposure(space.delivery), start=1):
        if number == 3:
            ramps.pixeldq[...] = 0
            ramps.pixeldq[60, 60] = 1 << 10


@fault("DRK-BORDER", said="lie off by 4 columns")
def frames_moved(space):
    """Plant darks whose reference pixels lie among the others, whatever PIXELDQ says of them."""
    for ramps in every_exposure(space.delivery):
        for array in (ramps.sci, ramps.groupdq, ramps.pedestal, ramps.rate, ramps.rate_dq):
            array[...] = np.roll(array, 4, axis=-1)


@fault("DLV-TRIPLETS", said="are both the _jump file of one exposure")
def duplicate(space):
    shutil.copy(one(space.delivery, JUMP), space.delivery / "again_nrca1_jump.fits")


@fault("DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES", said="is of an exposure of 2 segments of which 2 is missing")
def missing_segment(space):
    cut_exposure(space.delivery, 1, (1, 1))
    for path in space.delivery.glob("*_00001-seg002_*"):
        path.unlink()


@fault("DLV-EXPOSURES", "STB-HALVES", "DRK-AMPLIFIER", said="The delivery holds 3 whole exposures of NRCA1 FULL")
def six_segments_of_three_exposures(space):
    three_exposures(space)
    for number in (1, 2, 3):
        cut_exposure(space.delivery, number, (1, 1))


@fault("DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES", said="whose segments overlap")
def overlapping_segments(space):
    cut_exposure(space.delivery, 1, (1, 1))
    for path in space.delivery.glob("*_00001-seg002_*"):
        edit(path, INTSTART=1, INTEND=1)


@fault("DLV-FILES", "DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES", said="has TGROUP 0.0 where a time in seconds")
def no_group_time(space):
    edit(one(space.delivery, JUMP), TGROUP=0.0)


@fault(
    "DLV-FILES", "DLV-TRIPLETS", "DLV-EXPOSURES", "STB-HALVES", said="has NFRAMES 2 where 1 belongs to READPATT RAPID"
)
def frames_of_another_pattern(space):
    edit(one(space.delivery, JUMP), NFRAMES=2)


@fault("DLV-FILES", "DLV-EXPOSURES", "STB-HALVES", said="has EXPOSURE without a value")
def blank_exposure_number(space):
    for path in space.delivery.glob("*_00001_nrca1_*"):
        with fits.open(unlinked(path), mode="update") as hdus:
            hdus[0].header["EXPOSURE"] = None


@fault("DLV-PLAN", "DLV-EXPOSURES", "STB-HALVES", said="was read in stripes (SSTR_NST 4, SSTR_STP 512), which is not")
def superstripe(space):
    for path in space.delivery.glob("*_00001_nrca1_*"):
        edit(path, SSTR_NST=4, SSTR_STP=512)


@fault("DQ-BITS", said="MSA_FAILED_OPEN in jwst_nircam_mask_nrca1.fits, carried from ")
def flags_of_the_base_that_belong_in_no_mask(space):
    """Plant a mask in force with a flag of another instrument: the file to mend is that one."""
    (path,) = space.base.glob("*nrca1*.fits")
    with fits.open(path, mode="update") as hdus:
        hdus["DQ"].data[50:53, 50] |= hdus["DQ"].data.dtype.type(bits_of(("MSA_FAILED_OPEN",)))

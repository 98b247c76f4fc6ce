"""Files of a set are made alike: by one version of the pipeline, the same steps and the same reference files."""

import pytest
from astropy.io import fits

from darkmask.delivery import inspection, made
from tests.support.records import FITOPT, JUMP, RATE, altered, exposure, only


@pytest.mark.parametrize("which", [JUMP, RATE])
@pytest.mark.parametrize("step", ["S_REFPIX", "S_LINEAR", "S_IPC", "S_CLNFNS"])
def test_exposures_of_a_set_have_the_same_steps(which, step):
    plain = [exposure(name=name) for name in ("one", "two", "three")]
    with_it = [altered(one, which, steps={**one.files[which].steps, step: "COMPLETE"}) for one in plain]
    assert inspection.step_problems(with_it) == []
    sentence = only(inspection.step_problems([*plain[:2], with_it[2]]))
    assert sentence.startswith(f"{plain[2].files[which].path} has {step} COMPLETE, where most files of its set do not")
    sentence = only(inspection.step_problems([*with_it[:2], plain[2]]))
    assert sentence.startswith(f"{plain[2].files[which].path} has {step} absent, where most files of its set have")


@pytest.mark.parametrize("which", [JUMP, FITOPT, RATE])
@pytest.mark.parametrize("keyword", made.KEYWORDS)
def test_exposures_of_a_set_are_made_alike(which, keyword):
    usual = dict.fromkeys(made.KEYWORDS, "this")
    alike = [altered(exposure(name=name), which, made_by=usual) for name in ("one", "two", "three")]
    assert made.unlike(alike) == []
    other = altered(alike[1], which, made_by={**usual, keyword: "that"})
    sentence = only(made.unlike([alike[0], other, alike[2]]))
    assert sentence.startswith(f"{other.files[which].path} has {keyword} that, where most files of its set have this:")
    silent = altered(alike[1], which, made_by={key: said for key, said in usual.items() if key != keyword})
    assert f"has {keyword} absent, where" in only(made.unlike([alike[0], silent, alike[2]]))
    # Two sets may differ: a subarray has reference files of its own.
    assert made.unlike([*alike, altered(other, JUMP, ngroups=5)]) == []


def test_the_order_of_files_does_not_choose_what_is_usual():
    one, two = (altered(exposure(name=n), JUMP, made_by={"CAL_VER": n}) for n in ("1.20.2", "3.0.0"))
    assert made.unlike([one, two]) == made.unlike([two, one]) != []


def test_a_reference_file_is_the_same_wherever_it_lay():
    header = fits.Header({"R_SUPERB": "crds://jwst_nircam_superbias_0117.fits ", "CAL_VER": " 3.0.0", "R_GAIN": 3})
    header["R_LINEAR"] = "N/A"
    whole = {"R_SUPERB": "jwst_nircam_superbias_0117.fits", "CAL_VER": "3.0.0", "R_LINEAR": "N/A"}
    assert made.made_by(header) == whole
    header = fits.Header({"R_SUPERB": "/data/refs/jwst_nircam_superbias_0117.fits", "CAL_VER": " "})
    assert made.made_by(header) == {"R_SUPERB": "jwst_nircam_superbias_0117.fits"}

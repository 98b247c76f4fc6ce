"""Every kind of sentence about a file's headers, on records made by hand: one fault, one sentence, no other."""

import pytest

from darkmask.core import siaf
from darkmask.core.detectors import DETECTORS, Geometry, frame_times
from darkmask.delivery import inspection
from darkmask.delivery.records import Kind
from tests.support.records import DONE, FITOPT, JUMP, RATE, altered, exposure, only

REAL, MINI = Geometry(), Geometry(frame=256)


def subarray(subarray_name, place, detector="NRCB1", **about):
    return exposure(detector=detector, subarray=subarray_name, place=place, **about)


# PRDOPSSOC-053 moved SUB64P of NRCB1 (tests/core/test_siaf.py).
SUB64P_NOW, SUB64P_AT_LAUNCH = (1851, 1817, 64, 64), (1985, 1985, 64, 64)


@pytest.mark.parametrize("detector", DETECTORS)
def test_whole_exposures_have_no_problem(detector):
    whole = [exposure(detector=detector)]
    assert inspection.step_problems(whole) == []
    assert inspection.exposure_type_problems(whole) == []
    assert inspection.geometry_problems(whole, REAL) == []


@pytest.mark.parametrize(
    ("which", "step", "value", "words"),
    [
        (JUMP, "S_SUPERB", "SKIPPED", "S_SUPERB SKIPPED"),
        (JUMP, "S_JUMP", "SKIPPED", "S_JUMP SKIPPED"),
        (JUMP, "S_JUMP", None, "S_JUMP absent"),
        (RATE, "S_RAMP", "SKIPPED", "S_RAMP SKIPPED"),
        (RATE, "S_RAMP", None, "S_RAMP absent"),
    ],
)
def test_missing_steps(which, step, value, words):
    steps = {k: v for k, v in DONE[(Kind.JUMP, Kind.FITOPT, Kind.RATE)[which]].items() if k != step}
    faulty = altered(exposure(), which, steps=steps if value is None else {**steps, step: value})
    sentence = only(inspection.step_problems([exposure(name="other"), faulty]))
    assert sentence.startswith(f"{faulty.files[which].path} has {words} where COMPLETE was expected")
    assert "make it again without dark_current" in sentence or "run the missing step" in sentence


def test_all_missing_steps_of_a_file_are_in_one_sentence():
    sentence = only(inspection.step_problems([altered(exposure(), JUMP, steps={})]))
    assert "S_SUPERB absent, S_JUMP absent" in sentence


@pytest.mark.parametrize("which", [JUMP, RATE])
@pytest.mark.parametrize("step", ["S_DQINIT", "S_SATURA"])
def test_steps_whose_flags_a_search_goes_by(which, step):
    """An older file may not name them; that they were left out is another thing."""
    whole = exposure()
    steps = whole.files[which].steps
    sentence = only(inspection.step_problems([altered(whole, which, steps={**steps, step: "SKIPPED"})]))
    assert sentence.startswith(f"{whole.files[which].path} has {step} SKIPPED")
    assert inspection.step_problems([altered(whole, which, steps={**steps, step: "COMPLETE"})]) == []


@pytest.mark.parametrize("which", [JUMP, RATE])
def test_subtracted_dark(which):
    whole = exposure()
    faulty = altered(whole, which, steps={**whole.files[which].steps, "S_DARK": "COMPLETE"})
    sentence = only(inspection.step_problems([faulty]))
    assert sentence.startswith(f"{faulty.files[which].path} has S_DARK COMPLETE")
    assert "hot pixels" in sentence


@pytest.mark.parametrize("which", [JUMP, FITOPT, RATE])
@pytest.mark.parametrize(("exp_type", "word"), [("NRC_IMAGE", "NRC_IMAGE"), ("", "missing")])
def test_other_exposure_types(which, exp_type, word):
    faulty = altered(exposure(), which, exp_type=exp_type)
    sentence = only(inspection.exposure_type_problems([faulty]))
    assert sentence.startswith(f"{faulty.files[which].path} has EXP_TYPE {word} where NRC_DARK was expected")


@pytest.mark.parametrize("which", [JUMP, FITOPT, RATE])
class TestGeometryOfEachFile:
    """Geometry is asked of all three files."""

    def test_size_keywords_against_the_array(self, which):
        faulty = altered(exposure(), which, ysize=2040)
        sentence = only(inspection.geometry_problems([faulty], REAL))
        expected = f"{faulty.files[which].path} has SUBSIZE 2048x2040 and an array of 2048x2048 pixels"
        assert sentence == expected + ": make the file again."

    def test_full_frame_of_another_size(self, which):
        part = exposure(place=(1, 1, 256, 256))
        sentences = inspection.geometry_problems([part], REAL)
        assert len(sentences) == 3
        assert sentences[which] == (
            f"{part.files[which].path} has SUBARRAY FULL and 256x256 pixels where 2048x2048 were expected: make the "
            "file again."
        )
        assert inspection.geometry_problems([part], MINI) == []

    def test_axes_of_another_detector(self, which):
        faulty = altered(exposure(), which, fastaxis=-1, slowaxis=2)
        sentence = only(inspection.geometry_problems([faulty], REAL))
        assert sentence.startswith(
            f"{faulty.files[which].path} has FASTAXIS, SLOWAXIS -1, 2 where 1, -2 belong to NRCB1"
        )

    def test_position_by_the_siaf(self, which):
        faulty = altered(subarray("SUB160", (1, 1, 160, 160)), which, xstart=2)
        sentences = inspection.geometry_problems([faulty], REAL)
        expected = (
            f"{faulty.files[which].path} has SUBSTRT 2,1 and SUBSIZE 160x160 where the SIAF (PRD "
            f"{siaf.FIRST_PRD_VERSION} to {siaf.PRD_VERSION}) has SUBSTRT 1,1 and SUBSIZE 160x160: make the file again."
        )
        assert sentences.count(expected) == 1
        # The file also disagrees with its partners; a jump file, being the first, makes both of them disagree.
        others = [sentence for sentence in sentences if sentence != expected]
        assert len(others) == (2 if which == JUMP else 1)
        assert all("of the same set" in sentence for sentence in others)


@pytest.mark.parametrize(
    ("place", "start"),
    [
        ((0, 1, 64, 64), "0,1"),
        ((1, 0, 64, 64), "1,0"),
        ((194, 1, 64, 64), "194,1"),
        ((1, 194, 64, 64), "1,194"),
    ],
)
def test_beyond_the_frame(place, start):
    sentences = inspection.geometry_problems([subarray("SUB64P", place)], MINI)
    assert len(sentences) == 3
    assert f"has SUBSTRT {start}, which puts it beyond the frame of 256x256" in sentences[0]


@pytest.mark.parametrize("place", [(1, 1, 64, 64), (193, 193, 64, 64)])
def test_mini_frames_have_no_siaf(place):
    assert inspection.geometry_problems([subarray("SUB64P", place)], MINI) == []
    assert inspection.geometry_problems([subarray("MINE", place)], MINI) == []


@pytest.mark.parametrize("place", [SUB64P_NOW, SUB64P_AT_LAUNCH])
def test_each_position_since_launch_is_right(place):
    assert inspection.geometry_problems([subarray("SUB64P", place)], REAL) == []


@pytest.mark.parametrize(
    "place", [(1851, 1816, 64, 64), (1850, 1817, 64, 64), (1851, 1817, 63, 64), (1851, 1817, 64, 63), (1, 1, 64, 64)]
)
def test_one_pixel_beside_the_siaf(place):
    sentences = inspection.geometry_problems([subarray("SUB64P", place)], REAL)
    assert len(sentences) == 3
    for sentence in sentences:
        assert f"has SUBSTRT {place[0]},{place[1]} and SUBSIZE {place[2]}x{place[3]} where the SIAF" in sentence
        assert "has SUBSTRT 1851,1817 and SUBSIZE 64x64, or SUBSTRT 1985,1985 and SUBSIZE 64x64: make" in sentence


@pytest.mark.parametrize(
    ("detector", "name", "word"), [("NRCB2", "SUB64P", "SUB64P"), ("NRCB1", "MINE", "MINE"), ("NRCB1", "", "missing")]
)
def test_subarray_that_the_siaf_does_not_have(detector, name, word):
    sentences = inspection.geometry_problems([subarray(name, SUB64P_NOW, detector=detector)], REAL)
    assert len(sentences) == 3
    assert f"has SUBARRAY {word}, which the SIAF (PRD" in sentences[0]
    assert f"does not have on {detector}: correct SUBARRAY" in sentences[0]


@pytest.mark.parametrize("geometry", [REAL, Geometry(frame=2049)])
def test_positions_of_one_set_must_agree(geometry):
    """A subarray moved between two exposures: each place is right, but they are not the same pixels."""
    first = subarray("SUB64P", SUB64P_AT_LAUNCH)
    second = subarray("SUB64P", SUB64P_NOW, name="later")
    sentences = inspection.geometry_problems([first, second], geometry)
    assert len(sentences) == 3
    assert sentences[0].startswith(
        f"{second.jump.path} has SUBSTRT 1851,1817 where {first.jump.path} of the same set has 1985,1985"
    )


def test_other_sets_may_lie_elsewhere():
    first, second = subarray("SUB64P", SUB64P_NOW), subarray("SUB160", (1, 1, 160, 160), name="later")
    assert inspection.geometry_problems([first, second], REAL) == []


def test_a_frame_takes_its_time():
    """As jwst issue 3494 has it: one output in the header, and the time of four."""
    assert inspection.geometry_problems([altered(exposure(), JUMP, tframe=10.73677)], REAL) == []
    wrong = altered(exposure(), JUMP, tframe=10.73677, noutputs=1)
    sentence = only(inspection.geometry_problems([wrong], REAL))
    assert sentence == (
        f"{wrong.jump.path} has TFRAME 10.73677 s where 2048x2048 pixels through 1 output take 42.2094 s: correct "
        "NOUTPUTS, or TFRAME and TGROUP."
    )


@pytest.mark.parametrize(
    ("size", "outputs", "time"),
    [
        ((64, 64), 1, 0.0494),
        ((64, 64), 1, 0.05016),
        ((160, 160), 1, 0.27864),
        ((400, 400), 1, 1.65624),
        ((2048, 256), 1, 5.29420),
        ((2048, 128), 1, 2.65740),
        ((2048, 64), 1, 1.33900),
        ((2048, 256), 4, 1.34669),
        ((2048, 128), 4, 0.67597),
        ((2048, 64), 4, 0.34061),
    ],
)
def test_published_frame_times(size, outputs, time):
    """Of JDox NIRCam Detector Subarrays and jwst issue 3494."""
    assert any(abs(found / time - 1) < 1e-4 for found in frame_times(*size, outputs))

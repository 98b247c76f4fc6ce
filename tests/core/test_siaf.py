"""The committed table of subarray positions against pysiaf, which it is made from, and against what others wrote.

To make the table again, after an update of pysiaf:  python -m tests.core.test_siaf
"""

import json
import re
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from darkmask.core import siaf
from darkmask.core.detectors import DETECTORS, FOCAL_PLANE, FRAME_SIZE
from darkmask.core.window import Window

TABLE = Path(siaf.__file__).with_name("siaf_subarrays.json")

# The last version of 2021 whose file is older than the launch by months. No position changed from PRDOPSSOC-036 to
# -045, so it does not matter which of them was in force on that day.
FIRST_PRD_VERSION = "PRDOPSSOC-040-002"

# What follows the detector in an aperture's name -> SUBARRAY, where the two differ; {m} is the module. The names come
# from the keyword's schema in stdatamodels. Which aperture is which comes from mirage's
# NIRCam_subarray_definitions.list, except for younger ones (FP6, TADHSTS32, 400X256), which follow the pattern of the
# others.
SUBARRAY_NAMES = {
    "GRISM64": "SUBGRISM64",
    "GRISM128": "SUBGRISM128",
    "GRISM256": "SUBGRISM256",
    "GRISMTS64": "SUBGRISM64",
    "GRISMTS128": "SUBGRISM128",
    "GRISMTS256": "SUBGRISM256",
    "TAPSIMG32": "SUB32TATS",
    "TAGRISMTS32": "SUB32TATSGRISM",
    "TADHSTS32": "SUB32TA_DHS",
    "DHSPIL_SUB96": "SUB96DHSPIL{m}",
    "FP1_SUB8": "SUB8FP1{m}",
    "FP1_SUB64": "SUB64FP1{m}",
    "FP6_SUB8": "SUB8FP6{m}",
    "FP6_SUB64": "SUB64FP6{m}",
    "MASK210R": "SUB640{m}210R",
    "MASK335R": "SUB320{m}335R",
    "MASK430R": "SUB320{m}430R",
    "MASKSWB": "SUB640{m}SWB",
    "MASKLWB": "SUB320{m}LWB",
    "400X256_MASKLWB": "SUB400X256{m}LWB",
    "TAMASK210R": "SUBND{m}210R",
    "TAMASK335R": "SUBND{m}335R",
    "TAMASK430R": "SUBND{m}430R",
    "TAMASKSWB": "SUBND{m}SWBL",
    "TAMASKSWBS": "SUBND{m}SWBS",
    "TAMASKLWB": "SUBND{m}LWBS",
    "TAMASKLWBL": "SUBND{m}LWBL",
    "FSTAMASK210R": "SUBFS{m}210R",
    "FSTAMASK335R": "SUBFS{m}335R",
    "FSTAMASK430R": "SUBFS{m}430R",
    "FSTAMASKSWB": "SUBFS{m}SWB",
    "FSTAMASKLWB": "SUBFS{m}LWB",
    **{name: name for name in ("FULLP", "SUB160", "SUB320", "SUB640", "SUB64P", "SUB160P", "SUB400P")},
}
# From PRDOPSSOC-072 on the SIAF has rows 1651 to 2050 of 2048 here. No file can agree with that, so it is left out.
BEYOND_THE_FRAME = {("NRCALONG", "SUB400P")}

# An aperture made for one filter has the pixels of its subarray, with another reference point.
FILTER = re.compile("_(F[0-9]+[NMW]2?|NARROW)$")


def import_pysiaf():
    """Import pysiaf, or skip. Its import asks GitHub for the newest version, and here does without an answer."""
    requests = pytest.importorskip("requests")
    with mock.patch.object(requests, "get", side_effect=requests.ConnectionError):
        return pytest.importorskip("pysiaf")


def detector_and_subarray(aperture: str) -> tuple[str, str] | None:
    """Return DETECTOR and SUBARRAY of an aperture; None when its pixels are not those of a rectangular subarray."""
    chip, _, rest = aperture.partition("_")
    rest = FILTER.sub("", rest)
    if rest not in SUBARRAY_NAMES:
        return None
    return chip.replace("5", "LONG"), SUBARRAY_NAMES[rest].format(m=chip[3])


def position(aperture, full) -> Window | None:
    """Return the aperture's rectangle in the science frame of its detector's full frame; None if between pixels.

    Det coordinates are not those of the header: NIRCam's FULL apertures have DetSciParity -1, with DetSciYAngle 0
    (columns reversed) or 180 (rows reversed), which is what FASTAXIS, SLOWAXIS of (-1, 2) and (1, -2) say.
    """
    # A corner lies half a pixel outside of the first pixel. Some versions gave apertures for one filter another
    # reference point in Det without the same shift in Sci (by 0.2 pixel in PRDOPSSOC-045-003): no readout starts there.
    corner = [min(values) + 0.5 for values in full.det_to_sci(*aperture.corners("det"))]
    xstart, ystart = map(round, corner)
    if max(abs(corner[0] - xstart), abs(corner[1] - ystart)) > 0.01:
        return None
    return Window(xstart, ystart, int(aperture.XSciSize), int(aperture.YSciSize))


def inside(place: Window) -> bool:
    return (
        min(place.xstart, place.ystart) >= 1
        and max(place.xstart + place.xsize, place.ystart + place.ysize) <= FRAME_SIZE + 1
    )


def siaf_versions(pysiaf):
    """Yield (version, NIRCam SIAF) from launch on, without those that repeat an earlier file byte by byte."""
    seen = set()
    for version in pysiaf.constants.AVAILABLE_PRD_JWST_VERSIONS:
        folder = Path(pysiaf.constants._DATA_ROOT, "JWST", version, "SIAFXML", "SIAFXML")
        content = (folder / "NIRCam_SIAF.xml").read_bytes()
        if version >= FIRST_PRD_VERSION and content not in seen:
            seen.add(content)
            yield version, pysiaf.Siaf("NIRCam", basepath=str(folder))


def build_table(pysiaf) -> dict:
    """Return what ``siaf_subarrays.json`` should hold."""
    found: dict[str, dict[str, list[Window]]] = {name: {} for name in DETECTORS}
    for version, apertures in siaf_versions(pysiaf):
        for name, aperture in apertures.apertures.items():
            if key := detector_and_subarray(name):
                place = position(aperture, apertures[f"{name[:5]}_FULL"])
                if place is None:
                    continue
                known = found[key[0]].setdefault(key[1], [])
                if not inside(place):
                    assert key in BEYOND_THE_FRAME, f"{name} of {version} is at {place}"
                    continue
                if place in known:
                    known.remove(place)
                known.insert(0, place)
    assert FIRST_PRD_VERSION in pysiaf.constants.AVAILABLE_PRD_JWST_VERSIONS
    return {
        "source": "pysiaf, NIRCam_SIAF.xml; made by tests/core/test_siaf.py",
        "first_prd_version": FIRST_PRD_VERSION,
        "prd_version": pysiaf.JWST_PRD_VERSION,
        "columns": list(Window._fields),
        "positions": {detector: dict(sorted(places.items())) for detector, places in found.items()},
    }


def as_text(table: dict) -> str:
    """Return JSON with a line per subarray, so that a change of the SIAF is one line of a diff."""
    head = {key: value for key, value in table.items() if key != "positions"}
    detectors = [
        f"    {json.dumps(detector)}: {{\n"
        + ",\n".join(f"      {json.dumps(name)}: {json.dumps(places)}" for name, places in subarrays.items())
        + "\n    }"
        for detector, subarrays in table["positions"].items()
    ]
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    return "\n".join(["{", *lines, '  "positions": {', ",\n".join(detectors), "  }", "}"]) + "\n"


@pytest.fixture(scope="module")
def pysiaf():
    return import_pysiaf()


@pytest.mark.slow
def test_table_is_that_of_pysiaf(pysiaf):
    """If a newer pysiaf moves a subarray, look at the difference, and make the table again (see above)."""
    if siaf.PRD_VERSION not in pysiaf.constants.AVAILABLE_PRD_JWST_VERSIONS:
        pytest.skip(f"this pysiaf ends with {pysiaf.JWST_PRD_VERSION}, the table with {siaf.PRD_VERSION}")
    built = build_table(pysiaf)
    committed = json.loads(TABLE.read_text(encoding="utf-8"))
    assert json.loads(as_text(built))["positions"] == committed["positions"]
    assert committed["first_prd_version"] == built["first_prd_version"]


def test_full_frame_axes_agree_with_the_headers(pysiaf):
    """The flip between detector and science frame, on which every position rests, is that of FASTAXIS and SLOWAXIS."""
    apertures = pysiaf.Siaf("NIRCam")
    for detector in DETECTORS.values():
        full = apertures[f"{detector.name.replace('LONG', '5')}_FULL"]
        x, y = full.det_to_sci(np.array([1, 2]), np.array([1, 2]))
        assert (round(x[1] - x[0]), 2 * round(y[1] - y[0])) == (detector.fastaxis, detector.slowaxis), detector.name


@pytest.mark.parametrize(
    ("detector", "subarray", "expected"),
    [
        # jwst 3.0.0, superstripes of SUB64P: jwst/lib/tests/helpers.py has SUBSTRT1 1851 and test_reffile_utils.py, for
        # SLOWAXIS -2, the last row 1880 = 1817 + 64 - 1.
        ("NRCB1", "SUB64P", (1851, 1817, 64, 64)),
        # spacetelescope/jwst issue 3424 (2019): SUBSTRT 1,135 and SUBSIZE 2048x64 for SUBGRISM64 before the move.
        ("NRCA1", "SUBGRISM64", (1, 135, 2048, 64)),
        ("NRCB2", "SUBGRISM64", (1, 135, 2048, 64)),
    ],
)
def test_positions_that_others_have_written(detector, subarray, expected):
    assert expected in siaf.positions(detector, subarray)


def test_conversion_gives_a_header_from_before_launch(pysiaf):
    """jwst/superbias/tests/test_bias_sub.py: SUB320A335R at 486,1508, which is where PRDOPSSOC-028 (2019) has it."""
    folder = Path(pysiaf.constants._DATA_ROOT, "JWST", "PRDOPSSOC-028", "SIAFXML", "SIAFXML")
    if not folder.exists():
        pytest.skip("this pysiaf has no PRDOPSSOC-028")
    apertures = pysiaf.Siaf("NIRCam", basepath=str(folder))
    assert position(apertures["NRCA5_MASK335R"], apertures["NRCA5_FULL"]) == (486, 1508, 320, 320)


def test_imaging_subarrays_lie_where_the_four_short_detectors_meet():
    """SUB160, SUB320 and SUB640 share the module's centre (JDox): the same corner of the four on the sky."""
    for size in (160, 320, 640):
        last = FRAME_SIZE + 1 - size
        corners = [siaf.positions(f"NRCA{i}", f"SUB{size}")[0][:2] for i in (1, 2, 3, 4)]
        assert corners == [(last, last), (last, 1), (1, last), (1, 1)]
        corners = [siaf.positions(f"NRCB{i}", f"SUB{size}")[0][:2] for i in (1, 2, 3, 4)]
        assert corners == [(1, 1), (1, last), (last, 1), (last, last)]


def test_moved_subarrays_have_the_newest_position_first():
    assert siaf.positions("NRCBLONG", "SUB160") == ((933, 941, 160, 160), (905, 941, 160, 160))


def test_every_position_lies_in_the_frame_and_has_the_size_of_its_name():
    table = json.loads(TABLE.read_text(encoding="utf-8"))["positions"]
    assert set(table) == set(DETECTORS)
    for detector, subarrays in table.items():
        for name in subarrays:
            places = siaf.positions(detector, name)
            assert places, (detector, name)
            assert all(inside(place) for place in places), (detector, name)
            assert len({place[2:] for place in places}) == 1, (detector, name)
    assert siaf.positions("NRCALONG", "SUB400X256ALWB")[0][2:] == (400, 256)
    assert siaf.positions("NRCALONG", "SUBGRISM64") == ((1, 1, 2048, 64),)


def test_names_are_values_of_the_keyword():
    """A misspelt name in the table would refuse every file that has the right one."""
    from stdatamodels.jwst.datamodels import RampModel

    schema = json.dumps(RampModel().schema["properties"]["meta"])
    table = json.loads(TABLE.read_text(encoding="utf-8"))["positions"]
    names = {name for subarrays in table.values() for name in subarrays}
    assert [name for name in sorted(names) if f'"{name}"' not in schema] == []


@pytest.mark.parametrize(("detector", "subarray"), [("NRCA1", "SUB64P"), ("NRCA1", "FULL"), ("NIS", "SUB160")])
def test_unknown_names_have_no_position(detector, subarray):
    assert siaf.positions(detector, subarray) == ()


if __name__ == "__main__":
    TABLE.write_text(as_text(build_table(import_pysiaf())), encoding="utf-8")
    sys.stdout.write(f"{TABLE} written\n")


def test_the_focal_plane_is_that_of_the_siaf():
    apertures = import_pysiaf().Siaf("NIRCam")
    rows = [[apertures[f"{name}_FULL"] for name in row] for row in FOCAL_PLANE]
    for row in rows:
        left_to_right = [aperture.V2Ref for aperture in row]
        assert left_to_right == sorted(left_to_right, reverse=True)
    for above, below in zip(*rows, strict=True):
        assert above.V3Ref > below.V3Ref
        assert abs(above.V2Ref - below.V2Ref) < 5

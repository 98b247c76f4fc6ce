"""What a page is given of pixels, unpacked again, is what their explanations say."""

import base64
import json
import zlib

import numpy as np

from darkmask.build.explained import Explained
from darkmask.core.categories import Category
from darkmask.reports.packed_pixels import pack
from darkmask.search.maps.layout import JUMP_DET, SATURATED


def drawn(seed: int) -> Explained:
    """Draw pixels of which some reads are missing, and some groups are flagged: single ones, runs, none and all."""
    random = np.random.default_rng(seed)
    integrations, groups, pixels = 4, 9, 30
    ramps = (1000 * random.standard_normal((integrations, groups, pixels))).astype(np.float32)
    ramps[random.random(ramps.shape) < 0.1] = np.nan
    ramps[:, :, 0], ramps[:, :, 1], ramps[0, 0, 2], ramps[1, -1, 2] = np.nan, 0.5, np.inf, -np.inf
    flags = random.random((2, *ramps.shape)) < random.random((2, integrations, 1, pixels)) ** 3
    flags[:, :, :, 3], flags[:, :, :, 4] = False, True
    bits = [0, *(category.bit for category in Category)]
    return Explained(
        place="NRCA1 FULL",
        y=np.arange(pixels),
        x=np.arange(pixels)[::-1],
        categories=(random.choice(bits, pixels) | random.choice(bits, pixels)).astype(np.uint16),
        questions={},
        tests={},
        facts={},
        around=random.standard_normal((pixels, 3, 3)).astype(np.float32),
        names=tuple(f"integration {n}" for n in range(integrations)),
        groups=np.arange(groups),
        ramps=ramps,
        groupdq=(flags[0] * JUMP_DET | flags[1] * SATURATED).astype(np.uint8),
    )


def test_ramps_and_flags_are_those_of_the_explanations():
    explained = drawn(3)
    packed = json.loads(zlib.decompress(base64.b64decode(pack(explained))))
    runs = set()
    for n, step in enumerate(packed["steps"]):
        one = explained.one(n)
        assert packed["categories"][n] == ", ".join(one.categories)
        told = zip(packed["ends"][n], packed["jumps"][n], packed["saturated"][n], strict=True)
        for (name, first, last, jumps, full), (ends, jumped, saturated) in zip(one.ramps.rows(), told, strict=True):
            assert ([first, last], jumps, full) == (ends, jumped, saturated), (n, name)
            runs |= {"to" in jumps, "," in jumps, not jumps}
        for ramp, line in zip(explained.ramps[:, :, n], packed["ramps"][n], strict=True):
            known = [difference for difference in line if difference is not None]
            assert [difference is None for difference in line] == (~np.isfinite(ramp)).tolist()
            counts = [round(float(count / step)) for count in ramp if np.isfinite(count)]
            np.testing.assert_array_equal(np.cumsum(known), counts)
    assert runs == {True, False}


def test_groups_with_a_flag_are_told_one_by_one_and_in_runs():
    explained = drawn(3)
    explained.groupdq[:] = 0
    explained.groupdq[0, [0, 2, 3, 4, 8], 0] = JUMP_DET
    explained.groupdq[1, :, 0] = SATURATED
    packed = json.loads(zlib.decompress(base64.b64decode(pack(explained))))
    assert packed["jumps"][0] == ["1, 3 to 5, 9", "", "", ""]
    assert packed["saturated"][0] == ["", "1 to 9", "", ""]

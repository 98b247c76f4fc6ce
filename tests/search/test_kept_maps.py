"""What is kept of each integration gives the same bits as its ramps, and is never believed when it is not whole."""

import os
import shutil
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from darkmask.core import digests
from darkmask.search.maps import kept
from darkmask.search.maps.combine import combine_rows_of_set, combine_set, join_rows
from tests.search.test_maps import LEVEL, PROPERTIES, assert_same_bits, draw_ramps
from tests.support.raw_exposures import fitted, good_ramps, write_exposures


@pytest.fixture(autouse=True, params=[digests.LONG_BYTES, 1.0], ids=["small", "large"])
def own_cache(request, tmp_path_factory, monkeypatch):
    """Give each test a cache of its own, and a memory of digests that holds young files too.

    Files that nobody knows are measured before their digests are there, when they count as large.
    """
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr(digests, "_TICK_NS", -(10**12))
    monkeypatch.setattr(digests, "LONG_BYTES", request.param)


@pytest.fixture
def darks(tmp_path):
    """Return a function that combines some integrations of three exposures with two each."""
    ramps = draw_ramps(5, integrations=6, groups=9)
    exposures = write_exposures(tmp_path / "darks", ramps, [range(2), range(2, 4), range(4, 6)])

    def combine(chosen=None, keep=False):
        return combine_set(exposures, tmp_path / "darks", PROPERTIES, LEVEL, integrations=chosen, keep=keep)

    return combine


def files() -> list[Path]:
    return sorted(kept.kept_folder().glob("*"))


def bytes_read() -> int:
    return int(Path("/proc/self/io").read_text().split("rchar: ")[1].split()[0])


def test_parts_of_a_set_are_combined_from_what_is_kept_to_the_same_bits(darks):
    darks(keep=True)
    assert len(files()) == 6
    for chosen in (None, range(0, 6, 2), (0, 1, 4, 5), (3,)):
        assert_same_bits(darks(chosen), darks(chosen, keep=True))
    assert len(files()) == 6


@settings(deadline=None, max_examples=25, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(2, 14), st.sampled_from([8, 13]), st.sampled_from([1, 20_000]))
def test_all_kinds_of_pixels_come_back(tmp_path_factory, seed, groups, columns, block_bytes):
    folder = tmp_path_factory.mktemp("drawn") / "darks"
    ramps = draw_ramps(seed, 3, groups, columns=columns, flagged=0.05)
    exposures = write_exposures(folder, ramps, [range(3)])
    plain = combine_set(exposures, folder, PROPERTIES, LEVEL)
    for _ in range(2):
        assert_same_bits(plain, combine_set(exposures, folder, PROPERTIES, LEVEL, block_bytes, keep=True))


def test_an_integration_more_is_the_only_one_that_is_read(tmp_path):
    ramps = fitted(*good_ramps(integrations=3, groups=200, size=64))
    exposures = write_exposures(tmp_path / "darks", ramps, [[0], [1], [2]])
    ramp = 5 * ramps.sci[0].size
    combine_set(exposures[:2], tmp_path / "darks", PROPERTIES, LEVEL, keep=True)
    # The digest of a file that is new reads it once more.
    for there, least, most in ((exposures[:2], 0, 0.3), (exposures, 2, 2.5), (exposures, 0, 0.5)):
        before = bytes_read()
        combine_set(there, tmp_path / "darks", PROPERTIES, LEVEL, keep=True)
        assert least * ramp <= bytes_read() - before < most * ramp


@pytest.mark.parametrize("harm", ["shortened", "changed", "emptied"])
def test_a_file_that_is_not_whole_is_made_again(darks, harm):
    whole = darks(keep=True)
    for path in files():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes({"shortened": content[:-7], "changed": content, "emptied": b""}[harm])
    assert_same_bits(whole, darks(keep=True))
    remade = [path.read_bytes() for path in files()]
    assert len(remade) == 6
    assert_same_bits(whole, darks(keep=True))
    assert [path.read_bytes() for path in files()] == remade


def test_what_is_kept_is_what_is_used(darks):
    """Otherwise nothing above would have tested it."""
    whole = darks(keep=True)
    for path in files():
        content = bytearray(path.read_bytes()[:-32])
        content[24 + 8 * 8 :] = bytes(len(content) - 24 - 8 * 8)
        path.write_bytes(content + blake3(content).digest())
    assert (darks(keep=True).first == 0).all()
    assert not (whole.first == 0).all()


def test_a_file_that_changed_has_maps_of_its_own(tmp_path):
    folder = tmp_path / "darks"
    for seed in (1, 2):
        shutil.rmtree(folder, ignore_errors=True)
        exposures = write_exposures(folder, draw_ramps(seed), [range(5)])
        plain = combine_set(exposures, folder, PROPERTIES, LEVEL)
        assert_same_bits(plain, combine_set(exposures, folder, PROPERTIES, LEVEL, keep=True))
        assert len(files()) == 5 * seed
    # So has what another saturation level measures.
    combine_set(exposures, folder, PROPERTIES, 2 * LEVEL, keep=True)
    assert len(files()) == 15


def test_those_made_first_go_when_there_are_too_many(darks, monkeypatch):
    darks(keep=True)
    made = files()
    for age, path in enumerate(made):
        os.utime(path, (age, age))
    monkeypatch.setattr(kept, "KEPT_BYTES", sum(path.stat().st_size for path in made[3:]))
    made[5].unlink()
    darks(keep=True)
    assert files() == made[3:]


def test_without_room_nothing_is_kept_and_the_maps_are_the_same(darks, monkeypatch):
    monkeypatch.setattr(kept, "LEFT_FREE", 10**18)
    assert_same_bits(darks(), darks(keep=True))
    assert files() == []


def test_frames_of_bad_pixels_are_not_kept(tmp_path):
    ramps = draw_ramps(1, 3, 12, flagged=12)
    exposures = write_exposures(tmp_path / "darks", ramps, [range(3)])
    plain = combine_set(exposures, tmp_path / "darks", PROPERTIES, LEVEL)
    assert_same_bits(plain, combine_set(exposures, tmp_path / "darks", PROPERTIES, LEVEL, keep=True))
    assert files() == []


def test_rows_that_were_kept_are_not_read_again(tmp_path):
    ramps = fitted(*good_ramps(integrations=3, groups=200, size=64))
    asked = write_exposures(tmp_path / "darks", ramps, [[0, 1], [2]]), tmp_path / "darks", PROPERTIES, LEVEL
    plain = combine_set(*asked)
    for path in (tmp_path / "darks").iterdir():
        digests.remembered_digest(path)
    parts = [combine_rows_of_set(*asked, rows=rows, keep=True) for rows in ((0, 40), (40, 64))]
    assert_same_bits(plain, join_rows(parts))
    assert len(files()) == 6
    files()[0].unlink()
    before = bytes_read()
    # By blocks of few rows, so that one of them lies across the edge.
    assert_same_bits(plain, combine_set(*asked, 64 * 3 * 60 * 7, keep=True))
    assert bytes_read() - before < 2 * 5 * ramps.sci[0].size
    # What is whole takes their place.
    assert len(files()) == 3
    assert_same_bits(plain, combine_set(*asked, keep=True))


def test_rows_of_files_that_changed_since_are_measured(tmp_path):
    folder = tmp_path / "darks"
    for seed in (1, 2):
        shutil.rmtree(folder, ignore_errors=True)
        asked = write_exposures(folder, draw_ramps(seed), [range(5)]), folder, PROPERTIES, LEVEL
        plain = combine_set(*asked)
        assert_same_bits(plain, combine_set(*asked, keep=True))
        combine_rows_of_set(*asked, rows=(0, 3), keep=True)
        for path in kept.kept_folder().glob("*[0-9a-f].maps"):
            if path.name.count(".") == 1:
                path.unlink()
        combine_rows_of_set(*asked, rows=(0, 3), keep=True)
        assert len(files()) == 5 * seed

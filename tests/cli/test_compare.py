"""``darkmask compare``: 0 when nothing differs, 1 when something does, 4 when two cannot be compared."""

import shutil
from pathlib import Path

import pytest
from astropy.io import fits

from darkmask.cli import main


@pytest.fixture
def folders(small, tmp_path) -> tuple[Path, Path]:
    """Return two folders of the same masks, one for each of two detectors."""
    return tuple(Path(shutil.copytree(small.ground, tmp_path / name)) for name in ("a", "b"))


def mask_of(folder: Path, detector: str) -> Path:
    (path,) = folder.glob(f"*{detector.lower()}_*.fits")
    return path


def compare(capsys, *paths) -> tuple[int, str, str]:
    status = main(["compare", *map(str, paths)])
    return status, *capsys.readouterr()


def flag_one_pixel(path: Path) -> None:
    with fits.open(path, mode="update") as hdus:
        hdus["DQ"].data[20, 30] ^= 2**11  # HOT, as the pipeline has it and these masks do


def test_folders_are_compared_by_detector(folders, capsys):
    a, b = folders
    status, said, _ = compare(capsys, a, b)
    assert status == 0
    assert [line for line in said.splitlines() if line.startswith("NRC")] == ["NRCA1: equal", "NRCBLONG: equal"]
    # Names do not matter, headers do.
    mask_of(b, "NRCA1").rename(b / "renamed.fits")
    assert compare(capsys, a, b)[0] == 0
    flag_one_pixel(b / "renamed.fits")
    status, said, _ = compare(capsys, a, b)
    assert status == 1
    assert [line for line in said.splitlines() if line.startswith("NRC")] == ["NRCA1: different", "NRCBLONG: equal"]
    assert sum(line.split()[-2:] in (["1", "0"], ["0", "1"]) for line in said.splitlines()) == 1


def test_a_mask_in_one_folder_alone_is_a_difference(folders, capsys):
    a, b = folders
    mask_of(b, "NRCBLONG").unlink()
    assert compare(capsys, a, b)[:2][0] == 1
    status, said, _ = compare(capsys, b, a)
    assert status == 1
    assert said.splitlines()[-1] == "NRCBLONG: only B has a mask."


def test_two_files_differ_or_do_not(folders, capsys):
    paths = [mask_of(folder, "NRCA1") for folder in folders]
    assert compare(capsys, *paths)[0] == 0
    flag_one_pixel(paths[1])
    assert compare(capsys, *paths)[0] == 1


def test_masks_of_two_detectors_are_refused(folders, capsys):
    paths = mask_of(folders[0], "NRCA1"), mask_of(folders[1], "NRCBLONG")
    status, said, error = compare(capsys, *paths)
    assert (status, said) == (4, "")
    assert error == (
        f"darkmask compare: {paths[0]} is of NRCA1 and {paths[1]} of NRCBLONG: give two masks of one detector.\n"
    )


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda b: shutil.copy(mask_of(b, "NRCA1"), b / "twice.fits"), "holds more than one mask of NRCA1"),
        (lambda b: mask_of(b, "NRCA1").write_bytes(b"no FITS"), "nrca1_ground_mask.fits"),
        (lambda b: [path.unlink() for path in b.iterdir()], "holds no FITS file: give the folder that holds the masks"),
    ],
    ids=["twice", "broken", "empty"],
)
def test_what_cannot_be_compared_is_no_difference(folders, spoil, said, capsys):
    """A file of a folder is never left out: it may be the mask that differs."""
    spoil(folders[1])
    for pair in (folders, folders[::-1]):
        status, out, error = compare(capsys, *pair)
        assert (status, out) == (4, "")
        assert said in error
        assert len(error.splitlines()) == 1

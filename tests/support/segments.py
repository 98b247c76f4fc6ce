"""Cut an exposure into segments, as the archive cuts a long one into several files."""

from collections.abc import Sequence
from pathlib import Path

from astropy.io import fits

PRODUCTS = ("jump", "fitopt", "rateints")


def cut_exposure(
    folder: Path,
    number: int,
    sizes: Sequence[int],
    detector: str = "nrca1",
    kinds: Sequence[str] = PRODUCTS,
    observation: int = 1,
) -> None:
    """Replace the files of an exposure by those of its segments.

    Parameters
    ----------
    folder : Path
        Folder of the exposure; its files are replaced and not changed, since they may be links.
    number : int
        Number of the exposure.
    sizes : sequence of int
        Integrations of each segment.
    detector : str
        In small letters, as file names have it.
    kinds : sequence of str
        Which of its files are cut.
    observation : int
    """
    root = f"jw01062{observation:03d}001_02101_{number:05d}"
    (folder / f"{root}_{detector}_rate.fits").unlink(missing_ok=True)
    for kind in kinds:
        source = folder / f"{root}_{detector}_{kind}.fits"
        first = 0
        for segment, size in enumerate(sizes, 1):
            with fits.open(source) as hdus:
                total = hdus[0].header["NINTS"]
                place = {"EXSEGNUM": segment, "EXSEGTOT": len(sizes), "INTSTART": first + 1, "INTEND": first + size}
                hdus[0].header.update(place)
                for hdu in hdus[1:]:
                    if hdu.is_image and hdu.shape[0] == total and len(hdu.shape) > 2:
                        hdu.data = hdu.data[first : first + size].copy()
                hdus.writeto(folder / f"{root}-seg{segment:03d}_{detector}_{kind}.fits")
            first += size
        source.unlink()

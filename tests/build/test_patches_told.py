"""What was found of many pixels together stands in the HISTORY of the mask, and in the table beside the catalogue."""

from types import SimpleNamespace

from astropy.io import fits
from astropy.table import Table

from darkmask import bad_pixels
from tests.checks.ramp_faults import spots_that_were_lit


def test_patches_stand_in_history_and_in_the_table(small, tmp_path):
    folder = small.copy(tmp_path, "darks")
    spots_that_were_lit(SimpleNamespace(delivery=folder))
    found = bad_pixels(folder, detector="NRCA1")
    built = found.products.built().folder / "FULL_structures.ecsv"
    table = Table.read(built)
    lit = table[table["kind"] == "patch"]
    assert len(lit) == 6
    assert (lit["first_integration"] == 1).all()
    assert (lit["decay_time"] > 0).all()
    path = tmp_path / "mask.fits"
    found.write_mask(path)
    history = "".join(fits.getheader(path)["HISTORY"])
    assert history.count("glow by") == 6
    assert "Found of many pixels together:" in history

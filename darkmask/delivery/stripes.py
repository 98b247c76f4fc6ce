"""Tell readouts in stripes from frames and subarrays: multistripe (DHS) and superstripe."""

import re

# A superstripe reads another part of the detector in each integration, and a substripe readout (DHS) skips rows
# within one. Source: core.schema of stdatamodels 6.0 (names of subarrays, MSTR_* and SSTR_*), jwst pull request 10534.
_NAMES = re.compile(r"STRIPE\d+_(DHS|SOSS)|_SUPSTP\d+P?$", re.IGNORECASE)
_KEYWORDS = ("SSTR_NST", "SSTR_STP", "MSTR_RD2", "MSTR_SK1", "MSTR_SK2")


def read_in_stripes(header) -> str:
    """Return what in a primary header says that the file was read in stripes; empty when nothing does.

    Parameters
    ----------
    header : astropy.io.fits.Header
        A keyword that is 0 or has no value counts as absent: the pipeline writes it into files of any readout.
    """
    found = []
    subarray = header_value(header, "SUBARRAY")
    if isinstance(subarray, str) and _NAMES.search(subarray.strip()):
        found.append(f"SUBARRAY {subarray.strip().upper()}")
    for keyword in _KEYWORDS:
        value = header_value(header, keyword)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            found.append(f"{keyword} {value}")
    return ", ".join(found)


def header_value(header, keyword: str) -> object:
    """Return the value of a keyword; None when it is absent, or is in a card that cannot be parsed."""
    from astropy.io.fits.card import Undefined

    try:
        value = header.get(keyword)
    except Exception:  # astropy parses a card when it is read, and raises several types
        return None
    return None if isinstance(value, Undefined) else value

"""What a search is asked to search: one set of a folder of darks."""

from pathlib import Path

from darkmask.core.detectors import Geometry
from darkmask.delivery import scan
from darkmask.search.parameters import SearchParameters
from darkmask.search.request import SetRequest


def flight_request(folder: Path, detector: str = "NRCA1", frame: int = 128, subarray: str = "FULL") -> SetRequest:
    """Return the request of the flight search, in our engine and with its own parameters, for a detector's set."""
    exposures = scan(folder).main_set(detector, subarray)
    return SetRequest(exposures, folder, "native", "flight", SearchParameters(), Geometry(frame))

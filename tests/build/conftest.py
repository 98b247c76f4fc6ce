"""Sets of the small delivery that were searched, of which catalogues and regions are written."""

import dataclasses

import numpy as np
import pytest
from astropy.table import Table

from darkmask.build.catalogue import catalogue_of, write_catalogue
from darkmask.search.engines import search_set
from tests.support.requests import flight_request


@dataclasses.dataclass(frozen=True)
class Searched:
    """A set that was searched, and how many columns and rows of the full frame lie before its first pixel."""

    outcome: object
    frame: object
    before: int

    @property
    def bad(self) -> np.ndarray:
        """The (y, x) of the bad pixels in the set's own frame, by row and then by column."""
        return np.argwhere(self.outcome.categories)

    def written(self, folder) -> tuple:
        path = folder / "catalogue.ecsv"
        write_catalogue(path, self.outcome, self.frame)
        return path, folder / "catalogue.reg"

    def table(self) -> Table:
        return catalogue_of(self.outcome, self.frame)

    def but(self, **changes) -> "Searched":
        """Return the same set with another outcome."""
        return dataclasses.replace(self, outcome=dataclasses.replace(self.outcome, **changes))

    def but_maps(self, **changes) -> "Searched":
        return self.but(maps=dataclasses.replace(self.outcome.maps, **changes))


def search(small, detector, subarray, before) -> Searched:
    request = flight_request(small.delivery, detector, subarray=subarray)
    return Searched(search_set(request), request.exposures[0].jump, before)


@pytest.fixture(scope="session")
def full(small):
    return search(small, "NRCA1", "FULL", 0)


@pytest.fixture(scope="session")
def part(small):
    return search(small, "NRCBLONG", "SUB64P", 32)


@pytest.fixture(params=["full", "part"])
def searched(request):
    found = request.getfixturevalue(request.param)
    assert len(found.bad) > 20
    return found

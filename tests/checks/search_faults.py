"""Faults in the search itself: one that loses every other bad pixel of a category.

Counts stay within their bounds, halves agree, and masks are consistent: only injected defects can tell.
"""

import os

from darkmask.core.cache_folder import cache_root
from darkmask.core.categories import NO_DEFECT, Category
from darkmask.validation.injection import CALLED

from .planting import BESIDE, HERE, Faults, environment_with
from .ramp_faults import turn_hot

fault = Faults("delivery", everywhere=True)

FORGETTING = """
import numpy as np
from darkmask.search.flight import categories

def forgetting(name):
    def named(result, *of):
        image = name(result, *of)
        if image.ndim == 2:
            image[:, 1::2] &= ~np.uint16({bit})
        elif (columns := getattr(result, "columns", None)) is not None and columns.shape == image.shape:
            image[columns % 2 == 1] &= ~np.uint16({bit})
        return image
    return named

def with_columns(part):
    def some(result, where):
        found = part(result, where)
        if isinstance(where, tuple):
            object.__setattr__(found, "columns", where[1])
        return found
    return some

categories.FlightResult.named = forgetting(categories.FlightResult.named)
categories.FlightResult.part = with_columns(categories.FlightResult.part)
"""


def forget(space, category: Category) -> None:
    """Make the run's search forget a category in every other column."""
    plug_in(space, "forgetting", FORGETTING.format(bit=category.bit))


def plug_in(space, name: str, code: str) -> None:
    """Run code of another search before the checks."""
    folder = space.criteria.parent / name
    folder.mkdir()
    (folder / f"{name}.py").write_text(code)
    space.options += ["-p", name]
    # The cache must not mix what such a search finds with what the right one found; compiled kernels are the same.
    space.environment |= {
        **environment_with(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", str(cache_root())),
    }


def _losing(category: Category):
    def plant(space):
        if category is Category.WARM:
            # In so short a delivery few rates can be told from nothing and are not yet hot.
            with space.criteria.open("a") as file:
                file.write("\n[search]\nhot_rate = 2.0\n")
        forget(space, category)

    plant.__name__ = f"search_that_loses_{category.value}"
    return plant


CARRYING_NOTHING = """
import numpy as np
from darkmask.core.flags import FlagTable

FlagTable.measured_bits = property(lambda table: np.uint32(0xFFFFFFFF))
"""


@fault("BAS-KEPT", ("BAS-KEPT", BESIDE, "FULL"), said="DEAD of")
def search_that_claims_to_measure_everything(space):
    """Plant an empty list of what is carried: the check must not ask that list."""
    plug_in(space, "carrying", CARRYING_NOTHING)


# The release finds these too, and by no defect of its own; what the search of others loses stands out in an exposure,
# and what is full stands out anywhere, as do first groups that lie high.
_SEEN_OTHERWISE = {
    Category.SATURATED: ["ENG-ONLY", "DRK-FULL"],
    Category.HOT: ["ENG-ONLY", "RES-HOT"],
    Category.RC: ["ENG-ONLY", "DRK-START"],
    Category.INVERSE_RC: ["DRK-START"],
    Category.TELEGRAPH: ["ENG-ONLY"],
    Category.NOISY: ["ENG-ONLY", "RES-NOISY"],
}
for _category in Category:
    if _category not in NO_DEFECT:
        _kinds = [_category.name, *(kind.upper() for kind, called in CALLED.items() if called is _category)]
        _ids = [f"INJ-{kind}" for kind in _kinds] + _SEEN_OTHERWISE.get(_category, [])
        _keys = [(identifier, detector, "FULL") for identifier in _ids for detector in (HERE, BESIDE)]
        # Of these the release finds few: only one detector has more than the bound.
        _few = {Category.WARM: BESIDE, Category.LOW_PEDESTAL: HERE}
        _keys += [("ENG-ONLY", _few[_category], "FULL")] if _category in _few else []
        fault(*_keys, said=f"{_category.value} pixels")(_losing(_category))


STEADY = """
import numpy as np
from darkmask.search.flight.amplifier import AmplifierSearch
from darkmask.search.flight.changing import ChangeSearch

def nothing_varies(self, judged, unlooked):
    at = self._reaching(np.zeros(judged.shape, np.int16), np.inf)
    return at, np.zeros(judged.shape, np.float32)[at], 7.0, 0

def nothing_scatters(self, asked, _trend):
    self.scattering = np.zeros_like(asked)

ChangeSearch.beyond = nothing_varies
AmplifierSearch._name_scattering = nothing_scatters
"""


@fault(
    # Medians of ramps and means of rates part where a pixel changes.
    *("STB-DRIFT", "RES-HOT", "ENG-ONLY", "DLV-HIDDEN"),
    *(("INJ-INTERMITTENT", detector, "FULL") for detector in (HERE, BESIDE)),
    said="of them are usable in the mask, such as x, y = (",
)
def search_that_sees_no_change(space):
    """Plant pixels that turn hot in the last two exposures, and a search that judges the mean of all."""
    turn_hot(space)
    plug_in(space, "steady", STEADY)


BLIND_TO_BURSTS = """
import numpy as np
from darkmask.search.flight import amplifier
from darkmask.search.flight.changing import ChangeSearch

def never(self, *_):
    at = self._reaching(np.zeros(self.maps.rate.shape, np.int16), np.inf)
    return at, np.zeros(self.maps.rate.shape, np.float32)[at], np.inf

def nothing_scatters(self, asked, _trend):
    self.scattering = np.zeros_like(asked)

amplifier.AmplifierSearch._name_scattering = nothing_scatters
amplifier.AmplifierSearch._name_jumping = lambda self, asked: None
amplifier.least_falls = lambda falls, noise, differences: np.inf
amplifier.least_jumps = lambda jumps, good: np.inf
ChangeSearch.switches = ChangeSearch.levels = never
"""


@fault(
    *(
        (identifier, detector, "FULL")
        for identifier in ("INJ-BURSTS", "INJ-SLOW_TELEGRAPH", "INJ-TELEGRAPH", "ENG-ONLY")
        for detector in (HERE, BESIDE)
    ),
    said="that switch in bursts by 60 DN or more were found; by time",
)
def search_that_asks_for_noise_alone(space):
    """Plant a search without its rules for falls and jumps: what is quiet most of the time has no noise to speak of."""
    plug_in(space, "noise_alone", BLIND_TO_BURSTS)


ASKS_FOR_DIFFERENCES = """
import numpy as np
from darkmask.search.flight.amplifier import AmplifierSearch

AmplifierSearch._fills_early = lambda self, judged: np.zeros_like(judged)
"""


@fault(
    *(("INJ-EARLY_SATURATION", detector, "FULL") for detector in (HERE, BESIDE)),
    said="that fill their well early were found; by time 0 of",
)
def search_that_leaves_out_what_fills_early(space):
    """Plant a search that calls undetermined what has too few differences, saturated or not."""
    plug_in(space, "asks_for_differences", ASKS_FOR_DIFFERENCES)

"""Faults in the search itself: one that loses every other bad pixel of a category.

Counts stay within their bounds, halves agree, and masks are consistent: only injected defects can tell.
"""

import os

from darkmask.core.cache import cache_root
from darkmask.core.flags import Category

from .planting import BESIDE, HERE, Faults, environment_with
from .ramp_faults import turn_hot

fault = Faults("delivery")

FORGETTING = """
import numpy as np
from darkmask.search.flight import categories

def forgetting(pack):
    def packed(maps):
        image = pack(maps)
        image[:, 1::2] &= ~np.uint16({bit})
        return image
    return packed

categories.pack_categories = forgetting(categories.pack_categories)
"""


def forget(space, category: Category) -> None:
    """Make the run's search forget a category in every other column."""
    change_search(space, FORGETTING.format(bit=category.bit))


def change_search(space, source: str) -> None:
    """Make every process of the run execute some source before it searches."""
    folder = space.criteria.parent / "forgetting"
    folder.mkdir()
    (folder / "forgetting.py").write_text(source)
    space.options += ["-p", "forgetting"]
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


for _category in Category:
    if _category not in (Category.UNDETERMINED, Category.INTERMITTENT, Category.TRANSIENT):
        _keys = [(f"INJ-{_category.name}", detector, "FULL") for detector in (HERE, BESIDE)]
        fault(*_keys, said=f"{_category.value} pixels")(_losing(_category))


STEADY = """
import numpy as np
from darkmask.search.flight.changing import ChangeSearch

def nothing_varies(self, judged, unlooked):
    return np.zeros(judged.shape, np.float32), 7.0, 0

ChangeSearch.beyond = nothing_varies
"""


@fault("STB-DRIFT", said="of them are usable in the mask, such as x, y = (")
def search_that_sees_no_change(space):
    """Plant pixels that turn hot in the last two exposures, and a search that judges the mean of all."""
    turn_hot(space)
    change_search(space, STEADY)

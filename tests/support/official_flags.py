"""What the published search calls its categories, said once more beside the defaults of the parameters."""

from darkmask.core.categories import Category
from darkmask.core.flags import FlagTable

# The names that jwst_reffiles 1.0.1 gives (its default ``flag_values`` and ``dark_do_not_use``); 'high_cr' there
# covers both its many-jump and its noisy pixels.
OFFICIAL_FLAGS = FlagTable(
    mnemonics={
        Category.SATURATED: ("HOT",),
        Category.RC: ("RC",),
        Category.LOW_PEDESTAL: ("OTHER_BAD_PIXEL",),
        Category.TELEGRAPH: ("TELEGRAPH",),
        Category.NOISY: ("TELEGRAPH",),
    },
    do_not_use=frozenset({Category.SATURATED, Category.RC, Category.LOW_PEDESTAL, Category.TELEGRAPH, Category.NOISY}),
)

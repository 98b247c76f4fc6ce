"""Many faults of one detector at once: none of them hides another."""

from .base_faults import dead_pixels_of_another_detector_in_force
from .detector_faults import (
    a_step_of_all_ramps_of_an_integration,
    an_amplifier_of_another_gain,
    columns_that_alternate,
    resets_that_differ,
)
from .integration_faults import rates_cleaned_of_nan, rates_taken_out
from .place_faults import columns_exchanged_in_the_pedestals
from .planting import Faults

fault = Faults("delivery")


@fault(
    *("BAS-DEAD", "DLV-PLACES", "DLV-HIDDEN", "DLV-UNFITTED", "DLV-UNRATED"),
    *("DRK-OUTPUTS", "DRK-PATTERN", "DRK-RESETS", "DRK-STEP", "DRK-LIGHT"),
    # What alternates and the gain together are more noise than that of a read.
    "DRK-NOISE",
    said="Ramps and PEDESTAL of column 5",
)
def eight_faults_of_one_detector(space):
    dead_pixels_of_another_detector_in_force(space)
    columns_exchanged_in_the_pedestals(space)
    columns_that_alternate(space)
    an_amplifier_of_another_gain(space)
    resets_that_differ(space)
    a_step_of_all_ramps_of_an_integration(space)
    rates_cleaned_of_nan(space)
    rates_taken_out(space)

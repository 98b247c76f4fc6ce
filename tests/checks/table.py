"""Every planted fault, by family of what it is planted in."""

from . import (
    base_faults,
    beside_darks_faults,
    combined_faults,
    delivery_faults,
    detector_faults,
    ground_faults,
    integration_faults,
    mask_faults,
    mask_file_faults,
    place_faults,
    ramp_faults,
    raw_faults,
    reference_faults,
    search_faults,
    trend_faults,
)
from .planting import Fault

FAULTS: tuple[Fault, ...] = (
    *delivery_faults.fault,
    *integration_faults.fault,
    *place_faults.fault,
    *ramp_faults.fault,
    *detector_faults.fault,
    *raw_faults.fault,
    *search_faults.fault,
    *base_faults.fault,
    *mask_faults.fault,
    *mask_file_faults.fault,
    *beside_darks_faults.fault,
    *reference_faults.fault,
    *ground_faults.fault,
    *trend_faults.fault,
    *combined_faults.fault,
)

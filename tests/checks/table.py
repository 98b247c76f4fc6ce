"""Every planted fault, by family of what it is planted in."""

from . import (
    delivery_faults,
    ground_faults,
    mask_faults,
    ramp_faults,
    raw_faults,
    reference_faults,
    search_faults,
    trend_faults,
)
from .planting import Fault

FAULTS: tuple[Fault, ...] = (
    *delivery_faults.fault,
    *ramp_faults.fault,
    *raw_faults.fault,
    *search_faults.fault,
    *mask_faults.fault,
    *reference_faults.fault,
    *ground_faults.fault,
    *trend_faults.fault,
)

"""Simulated deliveries of NIRCam darks: known defects, real pipeline products.

==============  ==========================================================================
``spec``        what to simulate: detectors, frame, subarrays, fractions of defects
``registry``    the effects of real detectors that can be switched on, with strength and source
``timing``      when each exposure, integration and read takes place
``defects``     where the defects of a detector lie and how strong they are
``difficult``   pixels that come and go, switch slowly, saturate early
``scene``       what an effect knows of an exposure, and when it may act
``effects``     what each effect does
``truth``       the truth beside a delivery: pixels, columns, patches
``ramps``       counts of one exposure: charge, coupling, cosmic rays, noise
``headers``     what the headers and file names of an exposure say
``references``  gain, noise, saturation level and superbias for the pipeline's steps
``products``    the pipeline's own steps, and the files they make
``masks``       ground masks and masks in force that go with a delivery
``build``       a whole delivery on all cores, and the demo delivery in the user's cache
==============  ==========================================================================
"""

from .build import DemoPaths, demo_delivery, simulate_delivery
from .spec import SimulationSpec, Subarray
from .truth import read_structures, read_truth

__all__ = [
    "DemoPaths",
    "SimulationSpec",
    "Subarray",
    "demo_delivery",
    "read_structures",
    "read_truth",
    "simulate_delivery",
]

"""Simulated deliveries of NIRCam darks: known defects, real pipeline products.

==============  =====================================================================
``spec``        what to simulate: detectors, frame, subarrays, fractions of defects
``defects``     where the defects of a detector lie and how strong they are; the truth
``ramps``       counts of one exposure: charge, coupling, cosmic rays, noise
``headers``     what the headers and file names of an exposure say
``references``  gain, noise, saturation level and superbias for the pipeline's steps
``products``    the pipeline's own steps, and the files they make
``masks``       ground masks and masks in force that go with a delivery
``build``       a whole delivery on all cores, and the demo delivery in the user's cache
==============  =====================================================================
"""

from .build import DemoPaths, demo_delivery, simulate_delivery
from .defects import read_truth
from .spec import SimulationSpec, Subarray

__all__ = ["DemoPaths", "SimulationSpec", "Subarray", "demo_delivery", "read_truth", "simulate_delivery"]

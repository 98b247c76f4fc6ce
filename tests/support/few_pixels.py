"""Bounds for frames of a few thousand pixels.

They hold few bad pixels of each kind, some tests plant dozens of one, and a planted fault must fail the check that it
is planted for and no other: so counts may be farther from what is simulated than those of the demo. No pixel of them
turns hot in the last exposure alone, and what the mask leaves is judged as in nircam.toml.
"""

BOUNDS = """
[criteria.CNT-HOT]
low = 0.0002
high = 0.02

[criteria.CNT-WARM]
high = 0.02

[criteria.CNT-SATURATED]
low = 0.00003
high = 0.006

[criteria.CNT-RC]
low = 0.00003
high = 0.006

[criteria.CNT-INVERSE_RC]
low = 0.00003
high = 0.006

[criteria.CNT-NOISY]
low = 0.00003
high = 0.006

[criteria.CNT-LOW_PEDESTAL]
low = 0.00003
high = 0.006

[criteria.CNT-TELEGRAPH]
low = 0.00001
high = 0.006

[criteria.CNT-UNDETERMINED]
high = 0.002

[criteria.CNT-INTERMITTENT]
high = 0.004

[criteria.CNT-TRANSIENT]
high = 0.05

[criteria.CNT-DO_NOT_USE]
low = 0.0005
high = 0.05

[criteria.CNT-CARRIED]
high = 0.01

[criteria.CNT-REFERENCE_PIXEL]
high = 0.02

[criteria.GND-RETAINED]
low = 0.75

[criteria.GND-GONE]
high = 0.25

[criteria.GND-NEW]
high = 0.007

[criteria.GND-KAPPA]
low = 0.6

[criteria.RES-HOT]
high = 100
"""

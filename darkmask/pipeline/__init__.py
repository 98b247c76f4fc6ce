"""The pipeline and CRDS in another process: steps on ramps, and what they say of a mask."""

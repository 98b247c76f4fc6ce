"""Run the pipeline and CRDS in another process: steps on ramps, and their judgement of a mask."""

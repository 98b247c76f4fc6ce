"""What everything else stands on: errors, flags, detectors, files, cache, compiled kernels. It imports nothing of ours."""

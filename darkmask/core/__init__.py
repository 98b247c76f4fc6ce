"""What everything else stands on: errors, flags, detectors, files, cache and kernels. It imports nothing of ours."""

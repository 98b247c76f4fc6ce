"""Errors, flags, detectors, files, cache and kernels, on which everything else stands; it imports nothing of ours."""

"""What injected pixels that come and go do from read to read, and from integration to integration."""

import numpy as np

# Groups from the first to the last of a burst, both included.
BURST_GROUPS = (2, 8)


def burst_levels(distance: np.ndarray, quiet: np.ndarray, reads: int, random: np.random.Generator) -> np.ndarray:
    """Return the extra counts of pixels that are quiet most of the time, and switch in bursts.

    Parameters
    ----------
    distance : numpy.ndarray, shape (pixel,), DN
        Distance of the two levels.
    quiet : numpy.ndarray, shape (pixel,), groups
        Mean time from the end of a burst to the next, which is exponential; so is the time before the first one.
    reads : int
    random : numpy.random.Generator

    Returns
    -------
    numpy.ndarray, shape (pixel, read), float32, DN
        A burst begins in the upper level, lasts for ``BURST_GROUPS``, and each later read is in either level.
    """
    levels = np.zeros((distance.size, reads), np.float32)
    for pixel, (height, mean) in enumerate(zip(distance, quiet, strict=True)):
        begin = random.exponential(mean)
        while begin < reads:
            first, length = int(begin), int(random.integers(BURST_GROUPS[0], BURST_GROUPS[1] + 1))
            upper = random.random(length) < 0.5
            upper[0] = True
            last = min(first + length, reads)
            levels[pixel, first:last] = height * upper[: last - first]
            begin = first + length + random.exponential(mean)
    return levels


def some_integrations(nint: int, pixels: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return in which integrations each pixel is hot, bool (nint, pixels), and how many these are: two to half of all.

    The last one is among them and the one before is not: a pixel that is hot from some integration on is hot, and one
    that is good in the last epoch is over.
    """
    number = random.integers(2, max(nint // 2, 2) + 1, pixels)
    order = random.random((nint, pixels))
    order[-1], order[-2:-1] = -1.0, 2.0
    return order.argsort(axis=0).argsort(axis=0) < number, number


def shows_switches(levels: np.ndarray, least: float) -> np.ndarray:
    """Return where a fall and a rise of so many DN lie within ramps, bool (pixel,)."""
    steps = np.diff(levels, axis=1)
    return np.logical_and(np.any(steps >= least, axis=(0, 1)), np.any(steps <= -least, axis=(0, 1)))

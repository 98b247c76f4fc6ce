"""The ten NIRCam detectors: their published properties, geometry and amplifiers."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .errors import ParameterError
from .window import Window


@dataclass(frozen=True)
class Detector:
    """One NIRCam detector and its published properties.

    Attributes
    ----------
    name : str
        Value of DETECTOR, e.g. ``NRCA1``.
    channel, module : str
        ``SHORT`` or ``LONG``; ``A`` or ``B``.
    gain : float
        Flight gain, e-/DN (pynrc 2.0.1).
    read_noise : float
        Noise of a single read, DN (readnoise reference files, via snowblind 1.0.1).
    dark : float
        Dark current, e-/s (JDox NIRCam Detector Performance, given there per 1000 s).
    cds_noise : float
        Noise of a correlated double sample, e- (JDox, the same page).
    ipc : float
        Fraction of a pixel's charge that couples into each of its four neighbours (JDox, the same page).
    well : float
        Full well, e- (JDox, the same page).
    fastaxis, slowaxis : int
        FASTAXIS and SLOWAXIS (CRDS NIRCam constraints).
    """

    name: str
    gain: float
    read_noise: float
    fastaxis: int
    slowaxis: int

    @property
    def is_long(self) -> bool:
        return self.name.endswith("LONG")

    @property
    def channel(self) -> str:
        return "LONG" if self.is_long else "SHORT"

    @property
    def module(self) -> str:
        return self.name[3]

    @property
    def dark(self) -> float:
        return 34.2e-3 if self.is_long else 1.9e-3

    @property
    def dark_tolerance(self) -> float:
        """Tolerance of ``dark``, e-/s (the same page)."""
        return 5e-3 if self.is_long else 1.1e-3

    @property
    def cds_noise(self) -> float:
        return 13.3 if self.is_long else 15.8

    @property
    def ipc(self) -> float:
        return 0.0059 if self.is_long else 0.0053

    @property
    def well(self) -> float:
        return 83_300.0 if self.is_long else 105_750.0

    def read_variance(self, readpatt: str) -> float:
        """Return the variance of a group, DN**2: that of a read over the number of frames that a group averages.

        Parameters
        ----------
        readpatt : str
            READPATT; a group of a pattern that NIRCam does not have counts as one read.
        """
        pattern = READOUT_PATTERNS.get(readpatt)
        return self.read_noise**2 / (pattern.nframes if pattern else 1)

    def difference_noise(self, readpatt: str, tgroup: float, rate: float) -> float:
        """Return the noise of a group difference by read noise and by the shot noise of a dark current, DN.

        Parameters
        ----------
        readpatt : str
            See :meth:`read_variance`.
        tgroup : float, s
        rate : float, DN/s
        """
        pattern = READOUT_PATTERNS.get(readpatt, ReadoutPattern(1, 0))
        seen = tgroup * pattern.shot_variance
        return float(np.sqrt(2 * self.read_variance(readpatt) + max(rate, 0.0) * seen / self.gain))

    def rate_noise(self, readpatt: str, tgroup: float, groups: int) -> float:
        """Return the noise that read noise alone makes of the slope of a straight line through a ramp, DN/s.

        Parameters
        ----------
        readpatt : str
            See :meth:`read_variance`.
        tgroup : float, s
        groups : int
            Two at least.
        """
        return float(np.sqrt(12 * self.read_variance(readpatt) / (groups * (groups**2 - 1))) / tgroup)


DETECTORS = {
    d.name: d
    for d in (
        Detector("NRCA1", 2.13, 5.19, -1, 2),
        Detector("NRCA2", 2.17, 5.70, 1, -2),
        Detector("NRCA3", 2.25, 4.55, -1, 2),
        Detector("NRCA4", 2.08, 5.00, 1, -2),
        Detector("NRCALONG", 1.88, 4.78, -1, 2),
        Detector("NRCB1", 2.00, 5.62, 1, -2),
        Detector("NRCB2", 2.24, 5.04, -1, 2),
        Detector("NRCB3", 2.09, 5.60, 1, -2),
        Detector("NRCB4", 2.18, 4.86, -1, 2),
        Detector("NRCBLONG", 1.90, 4.90, 1, -2),
    )
}

# The fifth detector of a module has another name in headers than in the plans of the instrument.
LONG_WAVE = {"NRCA5": "NRCALONG", "NRCB5": "NRCBLONG"}

# How the short-wavelength detectors lie on the sky (SIAF: V2 to the left, V3 upwards), top row first; the
# long-wavelength detectors see the same two fields.
FOCAL_PLANE = (("NRCA2", "NRCA4", "NRCB3", "NRCB1"), ("NRCA1", "NRCA3", "NRCB4", "NRCB2"))


class ReadoutPattern(NamedTuple):
    """The frames of a group: how many are averaged, and how many are dropped before the next group."""

    nframes: int
    groupgap: int

    @property
    def shot_variance(self) -> float:
        """The shot noise of the difference of two neighbouring groups (variance), in units of that of a group time.

        Charge that comes while the frames of a group are read shows in some of them: means of n frames, one apart,
        differ by the shot noise of as many as they lie apart, less (n**2 - 1) / (3 n).
        """
        return 1 - 2 * self.shot_covariance

    @property
    def shot_covariance(self) -> float:
        """The covariance of that with the next difference, which shares a group with it, in the same unit."""
        return (self.nframes**2 - 1) / (6 * self.nframes * (self.nframes + self.groupgap))


# JDox NIRCam Detector Readout Patterns.
READOUT_PATTERNS = {
    "RAPID": ReadoutPattern(1, 0),
    "BRIGHT1": ReadoutPattern(1, 1),
    "BRIGHT2": ReadoutPattern(2, 0),
    "SHALLOW2": ReadoutPattern(2, 3),
    "SHALLOW4": ReadoutPattern(4, 1),
    "MEDIUM2": ReadoutPattern(2, 8),
    "MEDIUM8": ReadoutPattern(8, 2),
    "DEEP2": ReadoutPattern(2, 18),
    "DEEP8": ReadoutPattern(8, 12),
}

# Seconds to read a pixel, and pixels' worth of time that a row takes besides (JDox NIRCam Detector Subarrays).
PIXEL_TIME, ROW_OVERHEAD = 1e-5, 12
FRAME_SIZE = 2048
REFERENCE_BORDER = 4
AMPLIFIERS = 4


def detector(name: str) -> Detector:
    """Look a detector up by its name.

    Raises
    ------
    ParameterError
        When NIRCam has no detector of this name.
    """
    try:
        return DETECTORS[name]
    except KeyError:
        raise ParameterError(f"{name!r} is no NIRCam detector: use one of {', '.join(DETECTORS)}.") from None


def frame_times(columns: int, rows: int, outputs: int) -> tuple[float, float]:
    """Return the seconds that a frame may take: with one row's time besides, as whole rows of the detector, or two.

    Notes
    -----
    Source: JDox NIRCam Detector Subarrays, which has two rows with one output; the archive's files of 2048 columns have
    one whatever the outputs are (jwst issue 3494).
    """
    pixels = columns / outputs + ROW_OVERHEAD
    return pixels * (rows + 1) * PIXEL_TIME, pixels * (rows + 2) * PIXEL_TIME


@dataclass(frozen=True)
class Geometry:
    """The size of a full frame: 2048 pixels with a 4-pixel border, or that of a simulated mini frame.

    Attributes
    ----------
    frame : int
        Pixels along each side of a full frame.
    border : int
        Width of the frame of reference pixels.
    """

    frame: int = FRAME_SIZE
    border: int = REFERENCE_BORDER

    def reference_pixels(self, window: Window | None = None) -> np.ndarray:
        """Return where the reference pixels of a frame, or of a part of it, lie.

        Parameters
        ----------
        window : Window, optional
            The full frame by default.

        Returns
        -------
        numpy.ndarray, shape (y, x), bool
        """
        window = window or Window.of_frame(self.frame)
        full_y = np.arange(window.ysize)[:, None] + window.ystart - 1
        full_x = np.arange(window.xsize)[None, :] + window.xstart - 1
        inside_y = (full_y >= self.border) & (full_y < self.frame - self.border)
        inside_x = (full_x >= self.border) & (full_x < self.frame - self.border)
        return ~(inside_y & inside_x)

    def amplifier_columns(self) -> tuple[slice, ...]:
        """Return the columns that each of the four amplifiers of a full frame reads."""
        width = self.frame // AMPLIFIERS
        return tuple(slice(i * width, (i + 1) * width) for i in range(AMPLIFIERS))

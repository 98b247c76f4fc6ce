"""Constants of the statistics that every measurement shares."""

# Of the scatter of a Gaussian over its median absolute deviation, as in astropy.stats.mad_std.
MAD_TO_SIGMA = 1.482602218505602
# The same as maps and pictures have always had it. A millionth less, and yet it stays: pixels at a threshold would
# change sides.
MAD_TO_SIGMA_ROUNDED = round(MAD_TO_SIGMA, 4)

"""Name the maps of an integration, and the place of each in a stack."""

import numpy as np

# GROUPDQ bits, as in stdatamodels.jwst.datamodels.dqflags.group.
DO_NOT_USE, SATURATED, JUMP_DET = 1, 2, 4
# The JUMP_DET bits of eight pixels at once.
EIGHT_JUMPS = np.uint64(0x0404040404040404)

# The first and the last share of a ramp, for its shape.
SHAPE_FRACTION = 0.25

# Maps of one integration, float32, in the order of their places in a stack:
#   rate       DN/s. The pipeline's; where it gives none, the mean group difference over the group time.
#   weight     What the ramp says of its slope: the sum of n (n**2 - 1) over its runs of n groups without a jump, to
#              which the precision of a slope is proportional when read noise rules (twelve times it, in units of
#              group time and read noise).
#   pedestal   DN. The pipeline's.
#   first      DN. Signal of the first group.
#   change     DN. Last usable group minus the first; 0 where no two neighbouring groups are usable.
#   shape      DN/group. Mean early minus mean late difference, jumps included; NaN with fewer than two differences.
#   scatter    DN. Standard deviation of all usable differences, jumps included; NaN with fewer than two.
#   squares    DN**2. Sum of the squared deviations of the usable differences without jumps from their mean.
RATE, WEIGHT, PEDESTAL, FIRST, CHANGE, SHAPE, SCATTER, SQUARES = range(8)
N_MEASURED = 8
# Counts of one integration, int16:
#   differences  Usable group differences without jumps.
#   jumps        Groups flagged JUMP_DET.
#   falls        Differences flagged JUMP_DET that fall by more than FALL_SIGMA.
#   marks        FIRST_SATURATED, HAS_RATE, and LAST_SATURATED where the level of the last group says so too.
#   deepest      Tenths of the sigma of a good pixel's difference by which the deepest flagged fall lies below its slope
#   highest      The same of the highest flagged rise above the slope.
DIFFERENCES, JUMPS, FALLS, MARKS, DEEPEST, HIGHEST = range(6)
N_COUNTED = 6
FIRST_SATURATED, HAS_RATE, LAST_SATURATED = 1, 2, 4
# A cosmic ray only adds. A fall of so many sigma happens by chance in 1 of 5e7 differences; two falls among the 600
# differences of a pixel happen in none of 4 million pixels.
FALL_SIGMA = 5.5
# Heights of falls and rises are kept in this share of a sigma, up to the largest that 16 bits hold.
HEIGHT_UNIT, HIGHEST_HEIGHT = 0.1, 32_000.0


def eight_at_once(groupdq: np.ndarray) -> np.ndarray:
    """Return GROUPDQ, shape (..., x), as words of eight pixels, (..., x // 8); no words if x does not divide."""
    if groupdq.shape[-1] % 8 == 0:
        return groupdq.view(np.uint64)
    return np.empty((*groupdq.shape[:-1], 0), np.uint64)

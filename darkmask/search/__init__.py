"""Find the bad pixels of a set in its exposures: the maps, the searches that judge them, and the published search."""

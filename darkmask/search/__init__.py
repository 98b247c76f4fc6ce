"""From the exposures of a set to its bad pixels: maps, the searches that judge them, and the published one."""

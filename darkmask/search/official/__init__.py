"""The search that reproduces jwst_reffiles 1.0.1, category by category."""

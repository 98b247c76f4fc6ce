"""The search for flight: what jwst_reffiles 1.0.1 gets wrong, mended."""

"""The search for flight, which mends what jwst_reffiles 1.0.1 gets wrong."""

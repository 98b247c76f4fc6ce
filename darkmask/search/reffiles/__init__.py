"""Run the published package jwst_reffiles 1.0.1, each job in a process of its own: darks, flats, the superbias."""

"""Searches: from combined maps to category maps. ``official`` reproduces jwst_reffiles, ``flight`` mends it."""

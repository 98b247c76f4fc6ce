"""Read, write, check and compare MASK files, and find them in folders."""

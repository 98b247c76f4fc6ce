"""Make a delivery from the archive: fetch raw darks, and put them through the pipeline."""

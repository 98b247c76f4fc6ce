"""From the archive to a delivery: fetching raw darks, and putting them through the pipeline."""

"""The results of a run and their later readers: results, sign-off, earlier runs, pictures."""

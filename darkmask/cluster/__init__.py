"""Masks, measurements and prepared exposures made by the workers of a Dask scheduler, on this machine or on many.

A task is a request in and the content of an entry of the cache out, and its key is the entry's. So a worker that dies,
a scheduler that begins again and a client that goes away are one case: whoever asks next goes on from what is there.
"""

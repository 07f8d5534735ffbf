"""Readers of public data sets: each makes a ``Survey`` from the files of its source."""

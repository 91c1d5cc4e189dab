"""Batch labelling runs: many incidents in, a run folder out."""

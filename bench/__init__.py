"""Measures router against plain loops that do the same work, in the same run on the same machine."""

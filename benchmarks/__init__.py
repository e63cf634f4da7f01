"""Measurements of the project: ``make bench``. Ratios within one run, never assertions."""

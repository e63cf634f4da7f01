"""Functions that projects add to SQL."""

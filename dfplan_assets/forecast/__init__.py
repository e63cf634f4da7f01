"""What a run is expected to take and what it took: plans, results and the store's history, as numbers."""

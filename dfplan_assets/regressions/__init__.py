"""Whether a view got worse, and whether its plan is the reason: statistics over stored runs, and
verdicts."""

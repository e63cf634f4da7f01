"""Planning: what views mean, without running them.

Importing this imports no DataFusion: the types of ``bundle`` serve rooms that never plan.
"""

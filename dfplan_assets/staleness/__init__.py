"""Which views must run, and why: from manifests, plans and the versions of sources alone."""

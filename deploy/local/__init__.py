"""Everything the pipeline talks to, as processes on this machine."""

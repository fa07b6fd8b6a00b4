"""Jobs over more than one stage of measurement: recompute everything, seal closed months."""

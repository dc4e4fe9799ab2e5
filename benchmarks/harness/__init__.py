"""How a figure is taken: subjects in processes of their own, short windows in turn, ratios with their spread."""

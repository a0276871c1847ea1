"""What a set of scores says: means with intervals, CSV, LaTeX and an HTML page."""

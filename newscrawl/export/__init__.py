"""Lines of many runs, selected and written for other programs."""

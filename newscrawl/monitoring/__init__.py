"""Metrics of runs, alarms, and statistics of the archive."""

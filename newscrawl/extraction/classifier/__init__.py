"""Classify the blocks of a page: story or chrome."""

"""Exports of articles to the files of other programs."""

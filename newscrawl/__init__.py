"""Crawl news outlets: every exchange as WARC, every article as one cleaned JSON line."""

__version__ = "0.1.0"

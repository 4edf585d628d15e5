"""HTML -> Article: encoding, chrome, story, metadata, languages."""

from newscrawl.extraction.extract import extract

__all__ = ["extract"]

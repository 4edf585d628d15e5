"""HTML -> Article: encoding, chrome, story, metadata, languages."""

from newscrawl.text.extract import extract

__all__ = ["extract"]

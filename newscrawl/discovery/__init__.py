"""Bytes of feeds, sitemaps, APIs and section pages in; links to articles out."""

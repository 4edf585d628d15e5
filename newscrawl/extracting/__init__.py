"""Archives read again: their pages become lines without a crawl, in the order of the archive."""

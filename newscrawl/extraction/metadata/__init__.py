"""Metadata of a page: title, dates, authors, topics, pictures, access and rights."""

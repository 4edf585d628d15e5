"""What watches a crawl from its beginning to its end."""

"""Discovery: reads feeds, sitemaps, section pages and APIs into links, and drafts outlet files."""

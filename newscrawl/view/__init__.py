"""The archive in a browser: search, articles beside their originals, outlets, crawls that run, and an API."""

"""WARC files, JSON lines and reports on disk; the archive is the product, everything else follows."""

"""The WARC format (ISO 28500): read, write, check and index files. Usable without the rest of the package."""

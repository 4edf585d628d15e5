"""scrapy_commands."""

"""Between Scrapy and the wire: what is sent and received goes to the archive first."""

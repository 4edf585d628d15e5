"""A Scrapy project that has nothing of newscrawl but its add-on and its pipeline."""

"""The settings of a project as `scrapy startproject` makes them, with newscrawl's add-on."""

BOT_NAME = "portside"
SPIDER_MODULES = ["portside.spiders"]
ROBOTSTXT_OBEY = True
DOWNLOAD_DELAY = 0
CONCURRENT_REQUESTS_PER_DOMAIN = 4
RETRY_TIMES = 1
DOWNLOAD_TIMEOUT = 3
TELNETCONSOLE_ENABLED = False

ADDONS = {"newscrawl.addon.WarcAddon": 500}
ITEM_PIPELINES = {"newscrawl.addon.ArticlePipeline": 100}
FEED_EXPORTERS = {"jsonl": "newscrawl.addon.ArticleLinesExporter"}
FEEDS = {"news.jsonl": {"format": "jsonl"}}

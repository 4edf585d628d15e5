"""A spider that meets everything the web has: redirects, forms, failures, pages and data."""

import scrapy


class HarbourSpider(scrapy.Spider):
    name = "harbour"
    run = "an attribute that newscrawl's own spiders use for something else"

    def __init__(self, base, paths="/story", **arguments):
        super().__init__(**arguments)
        self.base = base
        self.paths = paths.split(",")

    async def start(self):
        for path in self.paths:
            yield scrapy.Request(self.base + path, errback=self.note_failure)
        yield scrapy.Request(f"{self.base}/head", method="HEAD", callback=self.note)
        yield scrapy.FormRequest(
            f"{self.base}/form", formdata={"port": "Douala", "day": "2026-03-01"}, callback=self.note
        )

    def parse(self, response):
        # The pipeline makes an article of it.
        yield response

    def note(self, response):
        yield {"url": response.url, "status": response.status}

    def note_failure(self, failure):
        yield {"url": failure.request.url, "failed": type(failure.value).__name__}

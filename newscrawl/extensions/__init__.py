"""Extensions of the crawl: report, state, monitoring, deduplication, log, renamed settings."""

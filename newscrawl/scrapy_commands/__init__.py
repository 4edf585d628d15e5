"""Scrapy commands that behave as cron and people expect."""

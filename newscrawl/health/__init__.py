"""Whether a crawl is well: what runs are measured by, what is usual for an outlet, and named alarms."""

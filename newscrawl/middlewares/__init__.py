"""Downloader middlewares: robots.txt, reserved rights, and politeness towards hosts."""

"""Spiders turn discovery into requests and responses into Pages; they are made from outlet files."""

"""Copies of one text, and one event told in two languages: values in, values out."""

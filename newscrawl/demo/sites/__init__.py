"""The shapes of site the newsroom can show, one a module."""

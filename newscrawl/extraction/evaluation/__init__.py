"""How good a text is: texts compared with annotated ones, pages measured, figures with their uncertainty."""

"""A whole e-mail Internet inside a notebook."""

__version__ = "0.1.0"

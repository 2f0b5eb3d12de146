"""irkit walks a responder through a helpdesk compromise and keeps the record of it."""

__version__ = "0.1.0"

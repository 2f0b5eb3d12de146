"""What leaves an incident for other people to read and to check."""

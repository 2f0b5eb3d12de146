"""Golden ledgers: written once by the version that introduced a format, and verified by every version after it."""

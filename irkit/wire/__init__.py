"""The wire: requests over real sockets. `http` is the only module of irkit that imports httpx."""

"""The engine: walks a run, performs actions, asks at gates, and knows nothing of sockets, worlds or terminals."""

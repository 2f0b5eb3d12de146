"""The drill: a scenario's clock, worlds, injects, faults and score, and the seal that keeps a drill off the network."""

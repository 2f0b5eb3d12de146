"""Measurements, as ratios taken side by side in one run. No tests: nothing here fails for being slow."""

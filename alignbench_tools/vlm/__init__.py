"""Vision-language models as detectors, on the engine Inspect, whose providers, limits and logs serve here."""

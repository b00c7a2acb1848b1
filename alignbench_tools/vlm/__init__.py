"""Vision-language models as detectors, on the engine Inspect: providers, retries, limits and logs are its own."""

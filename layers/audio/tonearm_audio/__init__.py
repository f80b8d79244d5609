"""The audio engine: streams of float32 blocks between sources, processors and sinks."""

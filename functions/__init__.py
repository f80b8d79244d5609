"""One folder a Lambda function: a thin handler over one use case."""

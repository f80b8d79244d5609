"""Writes the API's OpenAPI document to standard output: `python -m functions.api.openapi_document`."""

import sys

from functions.api.document import openapi_document

if __name__ == "__main__":
    sys.stdout.write(openapi_document() + "\n")

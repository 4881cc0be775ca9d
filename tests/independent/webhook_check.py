"""Checks a delivery of a webhook with the function that the page of webhooks shows: its text is the argument.

Standard input is JSON: the secret, the headers by name, and the body in base64. Prints yes or no.
"""

import base64
import json
import pathlib
import sys

shown = {}
exec(pathlib.Path(sys.argv[1]).read_text(), shown)
asked = json.load(sys.stdin)
body = base64.b64decode(asked["body"])
print("yes" if shown["genuine"](asked["secret"], asked["headers"], body) else "no")

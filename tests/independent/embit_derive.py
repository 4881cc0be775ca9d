"""Derives a multipath descriptor's first addresses with embit: base64 of the descriptor on standard input, the
network as the argument; deposits first, then change, five of each, one a line."""

import base64
import sys

from embit.descriptor import Descriptor
from embit.networks import NETWORKS

text = base64.b64decode(sys.stdin.read()).decode().strip()
descriptor = Descriptor.from_string(text)
for branch in (0, 1):
    for index in range(5):
        derived = descriptor.derive(index, branch_index=branch)
        print(derived.address(NETWORKS[sys.argv[1]]))

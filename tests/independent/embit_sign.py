"""Signs a PSBT with embit: a master key as the argument, base64 on standard input and output."""

import sys

from embit import bip32
from embit.psbt import PSBT

psbt = PSBT.from_string(sys.stdin.read().strip())
signed = psbt.sign_with(bip32.HDKey.from_string(sys.argv[1]))
print(f"embit made {signed} signatures", file=sys.stderr)
print(psbt.to_string())

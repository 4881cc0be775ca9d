"""A fake `bhwi` (bhwi-cli 0.1.1) that misbehaves on demand: fake_bhwi.py STATE ARGUMENTS…

STATE is a folder as of fake_hwi.py; `hmac` is what a registration gives, and what signing must be given again.
"""

import json
import os
import sys
import time

state = sys.argv[1]
words = sys.argv[2:]


def read(name, default=""):
    try:
        with open(os.path.join(state, name), encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return default


case = read("case", "good")
hmac = read("hmac", "ab" * 32)


def say(value):
    print(value if isinstance(value, str) else json.dumps(value))
    sys.exit(0)


def fail(text, warning="Warning: device Ledger is on testnet, expected regtest"):
    sys.stderr.write(warning + "\nError: " + text + "\n")
    sys.exit(1)


def option(name):
    given = [word.split("=", 1)[1] for word in words if word.startswith("--" + name + "=")]
    return given[0] if given else None


with open(os.path.join(state, "bhwi-calls"), "a", encoding="utf-8") as file:
    file.write(json.dumps(words) + "\n")
if "--version" in words:
    say("bhwi-cli 9.0.0" if case == "bhwi_version" else "bhwi-cli 0.1.1")
if words[-2:] == ["device", "list"]:
    entry = {
        "name": "Ledger",
        "device_type": read("kind"),
        "path": "tcp:127.0.0.1:9999",
        "model": "nano",
        "is_emulated": case == "bhwi_emulated",
        "fingerprint": read("fingerprint"),
        "version": "2.4.6",
        "networks": ["testnet"],
        "firmware": None,
    }
    if case == "bhwi_skipped":
        fail("[Locked] Ledger device is locked")
    if case == "bhwi_no_usb":
        fail("usb enumeration failed: /sys/bus/usb/devices/ not found (errno 2)")
    if case == "bhwi_list":
        say("[{")
    if case == "bhwi_option":
        entry["device_type"] = "--wipe"
    if case == "bhwi_no_seed":
        entry["fingerprint"] = None
    say([] if case == "bhwi_none" else [entry])
complaint = {
    "bhwi_cancelled": "[UserCancelled]",
    "bhwi_locked": "[Locked]",
    "bhwi_hmac": "[UnexpectedResponse] no error or result returned",
    "bhwi_app": "[NotReady] Bitcoin app is not open",
    "bhwi_gone": "transport error: ledger io error: early eof",
    "bhwi_unsupported": "[Unsupported]",
}.get(case)
if complaint:
    fail(complaint)
if case == "bhwi_left":
    fail("[NotReady] open app failed, the Bitcoin app is not ready: status IncorrectData (0x6a80)")
if case == "bhwi_other_app":
    fail("[InvalidInput] register wallet failed: status IncorrectData (0x6a80)",
         "Warning: device Ledger is on bitcoin, expected regtest")
if case == "bhwi_panic":
    sys.stderr.write("thread 'main' has overflowed its stack\n")
    sys.exit(101)
if case == "bhwi_hang":
    time.sleep(600)
if case == "bhwi_empty":
    sys.exit(0)
if case == "bhwi_garbage":
    say("Please confirm on your device")
if "register" in words:
    if case == "bhwi_short":
        say({"status": "complete", "hmac": "ab"})
    if case == "bhwi_pending":
        say({"status": "pending_user_confirmation", "hmac": None})
    if case == "bhwi_status":
        say({"status": "perhaps", "hmac": None})
    say({"status": "complete", "hmac": hmac})
if "address" in words:
    say(read("address"))
if "sign" in words:
    if option("hmac") != hmac or not option("name") or not option("descriptor"):
        fail("[UnexpectedResponse] no error or result returned")
    with open(option("psbt"), encoding="utf-8") as file:
        given = file.read().strip()
    if case == "bhwi_unsigned":
        say(given)
    prepared = case.removeprefix("answer_")
    say(read("answers/" + (prepared if prepared != case else "good")))
if "xpub" in words:
    say(read("xpub"))
fail("unrecognized subcommand")

"""A fake `hwi` (3.2.0) that misbehaves on demand: fake_hwi.py STATE ARGUMENTS…

STATE is a folder: `case` names the misbehaviour, `fingerprint` is the device's, `kind` its type, `answers/NAME` are
PSBTs in base64 that it gives back, `calls` is what it was called with, a line of JSON each. Where `master` holds an
extended private key, it signs with embit instead of giving `answers/good`.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

state = sys.argv[1]


def read(name, default=""):
    try:
        with open(os.path.join(state, name), encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return default


case = read("case", "good")
kind = read("kind", "coldcard")
own = read("fingerprint")


def say(value):
    print(value if isinstance(value, str) else json.dumps(value))
    sys.stdout.flush()
    sys.exit(0)


def complain(text, code):
    say({"error": text, "code": code})


def traceback(last):
    sys.stderr.write("Traceback (most recent call last):\n  File \"hwi\", line 1, in <module>\n" + last + "\n")
    sys.exit(1)


def log(words):
    with open(os.path.join(state, "calls"), "a", encoding="utf-8") as file:
        file.write(json.dumps({"argv": sys.argv[2:], "words": words, "env": sorted(os.environ)}) + "\n")


def sign(psbt):
    master = read("master")
    if not master:
        return read("answers/good")
    from embit import bip32
    from embit.psbt import PSBT

    signed = PSBT.from_string(psbt)
    signed.sign_with(bip32.HDKey.from_string(master))
    return signed.to_string()


def device(**more):
    entry = {
        "type": kind,
        "model": kind,
        "label": None,
        "path": "0001:0002:00",
        "fingerprint": own,
        "needs_pin_sent": False,
        "needs_passphrase_sent": False,
    }
    entry.update(more)
    return entry


def broken(text, code, **more):
    entry = device(error="Could not open client or get fingerprint information: " + text, code=code, **more)
    del entry["fingerprint"]
    return entry


LIBUSB = "FileNotFoundError: [Errno 2] cannot find a suitable libusb-1.0: ['libusb-1.0.so.0', 'libusb-1.0.so']"


def version():
    if case == "version_old":
        say("hwi 2.4.0")
    if case == "version_none":
        say("")
    if case == "version_crash":
        traceback("ModuleNotFoundError: No module named 'hwilib'")
    say("hwi 3.2.0")


def enumerate_devices():
    say(
        {
            "list_empty": "[]",
            "list_garbage": "I see no devices",
            "list_object": {"devices": []},
            "list_deep": "[" * 100000,
            "list_other": [device(fingerprint="00000001")],
            "list_twice": [device(), device(path="0001:0003:00")],
            "list_pin": [broken("device is locked", -12, needs_pin_sent=True)],
            "list_passphrase": [broken("Passphrase needed", -6, needs_passphrase_sent=True)],
            "list_permission": [broken("[Errno 13] Permission denied: '/dev/hidraw0'", -13)],
            "list_app": [broken("('0x6e00', 'Error in command', '')", -13)],
            "list_no_seed": [broken("Not initialized", -18)],
            "list_option": [device(type="--stdin wipe")],
            "list_line": [device(path="0001\nwipe")],
            "list_fingerprint": [device(fingerprint="not hex!")],
            "list_many": [device(path=str(number)) for number in range(1000)],
            "list_label": [device(label="--emulators\n'; touch wiped; \"", model="--interactive")],
            "list_path_option": [device(path="--interactive wipe ' \" $(touch wiped)")],
        }.get(case, [device()])
    )


def hang():
    while True:
        time.sleep(60)


def sign_transaction(psbt):
    good = {"psbt": sign(psbt), "signed": True}
    if case == "sign_traceback":
        traceback("KeyError: 'signature'")
    if case == "sign_libusb":
        traceback(LIBUSB)
    if case == "sign_segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(5)
    if case == "sign_hang":
        hang()
    if case == "sign_stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen(["sleep", "600"])
        hang()
    if case == "sign_late":
        time.sleep(4)
    if case == "sign_silent":
        print(json.dumps(good))
        sys.stdout.flush()
        os.close(1)
        hang()
    if case == "sign_endless":
        while True:
            sys.stdout.write("y" * 65536)
    if case == "sign_failed":
        print(json.dumps(good))
        sys.exit(1)
    if case == "sign_bytes":
        sys.stdout.buffer.write(b'{"psbt": "\xff\xfe"}\n')
        sys.exit(0)
    if case == "sign_complains_much":
        for _ in range(20000):
            sys.stderr.write("WARNING: this and that\n")
    if case == "sign_helper":
        subprocess.Popen(["sleep", "600"])
    said = {
        "sign_refused": {"error": "('0x6985', 'Error in <BitcoinInsType.SIGN_PSBT: 4> command', '')", "code": -13},
        "sign_canceled": {"error": "sign_tx canceled", "code": -14},
        "sign_busy": {"error": "Coldcard is doing something else", "code": -15},
        "sign_left_over": {"error": "('0x6901', 'Error in command', '')", "code": -3},
        "sign_gone": {"error": "Device disconnected", "code": -3},
        "sign_unsupported": {"error": "('0x6a80', 'Error in <BitcoinInsType.SIGN_PSBT: 4> command', '')", "code": -13},
        "sign_not_enrolled": {"error": "Unknown multisig wallet", "code": -13},
        "sign_unknown": {"error": "list index out of range", "code": -13},
        "sign_usage": {"error": "hwi: error: unrecognized arguments", "code": -2},
        "sign_nothing": "",
        "sign_garbage": "Segmentation fault",
        "sign_partial": json.dumps(good)[:40],
        "sign_twice": json.dumps(good) + "\n" + json.dumps(good),
        "sign_warning": "WARNING: old firmware\n" + json.dumps(good),
        "sign_doubled": '{"psbt": "cHNidA==", ' + json.dumps(good)[1:],
        "sign_null": {"psbt": None, "signed": True},
        "sign_number": {"psbt": 7, "signed": True},
        "sign_without": {"signed": True},
        "sign_no_psbt": {"psbt": "aGVsbG8=", "signed": True},
        "sign_not_base64": {"psbt": "!!!", "signed": True},
        "sign_unsigned": {"psbt": psbt, "signed": True},
        "sign_unsigned_told": {"psbt": psbt, "signed": False},
        "sign_good_told_unsigned": {"psbt": good["psbt"], "signed": False},
    }.get(case)
    prepared = case.removeprefix("answer_")
    if prepared != case:
        said = {"psbt": read("answers/" + prepared), "signed": True}
    say(good if said is None else said)


words = sys.argv[2:]
if "--version" in words:
    version()
if "--stdin" in words:
    for line in sys.stdin.read().splitlines():
        if not line:
            break
        words.extend(shlex.split(line))
log(words)
if "enumerate" in words:
    if case == "list_traceback":
        traceback("OSError: something")
    if case == "list_libusb":
        traceback(LIBUSB)
    enumerate_devices()
if "signtx" in words:
    sign_transaction(words[words.index("signtx") + 1])
if "getxpub" in words:
    say({"xpub": read("xpub")})
if "displayaddress" in words:
    say({"address": read("address")})
complain("hwi: error: invalid choice", -2)

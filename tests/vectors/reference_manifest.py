#!/usr/bin/env python3
"""Writes the golden file of docs/formats.md F5 beside itself, by the implementation in reference.py."""

from reference import (
    APPROVER, CREATED, FIRST, INTENTS, JOURNAL, PURPOSES, REQUESTER, VAULT, canonical, key_id, key_text,
    message, proof, public, root, sha256, shown, sign, th, u32, u64, write,
)

PREFIX = bytes([0xFC, 11]) + b"countersign"


def compact(number):
    if number < 0xFD:
        return bytes([number])
    assert number < 0x10000
    return bytes([0xFD]) + number.to_bytes(2, "little")


def prefixed(data):
    return compact(len(data)) + data


def txid(transaction):
    return sha256(sha256(transaction))


def tx_out(value, script):
    return u64(value) + prefixed(script)


def transaction(outpoint, outputs):
    """A transaction of version 2 with one input, without witness."""
    tx_in = outpoint + prefixed(b"") + u32(0xFFFFFFFD)
    return u32(2) + bytes([1]) + tx_in + bytes([len(outputs)]) + b"".join(outputs) + u32(0)


def psbt(records):
    """A bare PSBT of one input and two outputs with the records given, in the order of their keys."""
    pairs = [(b"\x00", UNSIGNED)] + sorted(records)
    body = b"".join(prefixed(key) + prefixed(value) for key, value in pairs)
    return b"psbt\xff" + body + b"\x00" + b"\x00" + b"\x00\x00"


FUNDING = transaction(bytes([5] * 32) + u32(1), [tx_out(70_000, bytes([0, 20] + [6] * 20))])
UNSIGNED = transaction(
    txid(FUNDING) + u32(0),
    [tx_out(40_000, bytes([0, 20] + [7] * 20)), tx_out(29_000, bytes([0, 32] + [8] * 32))],
)
# A witness of one byte: marker and flag after the version, the witness before the locktime.
EARLIER = FUNDING[:4] + b"\x00\x01" + FUNDING[4:-4] + bytes([1, 1, 0x51]) + FUNDING[-4:]


def output(number):
    return number.to_bytes(4, "big")


def receipt():
    body = canonical({
        "counter": 3, "event_head": "", "format": "countersign/receipt/1",
        "head": sha256(b"a head").hex(), "journal": key_text(JOURNAL),
        "manifest": sha256(b"a manifest").hex(), "nonce": "", "now": CREATED + 200,
        "txid": shown(txid(UNSIGNED)),
    })
    return prefixed(body) + sign(JOURNAL, message("receipt", VAULT, th("statement", body), 0))


def statements():
    """An entry of an open list, its removal and the confirmation of its first payment."""
    add = canonical({
        "expires": CREATED + 86400, "format": "countersign/list-add/1", "label": "Acme Ltd",
        "list": "counterparties", "not_before": CREATED, "script_pubkey": "0014" + "07" * 20,
    })
    entry = th("statement", add).hex()
    remove = canonical({"entry": entry, "format": "countersign/list-remove/1"})
    confirm = canonical({"entry": entry, "format": "countersign/list-confirm/1"})
    return [("list-add", add), ("list-remove", remove), ("list-confirm", confirm)]


def records():
    """One record of every kind, with two where their order matters."""
    found = [
        (0x00, b"", u32(1)),
        (0x01, b"", VAULT),
        (0x02, b"", bytes([0])),
        (0x03, b"", u32(7)),
    ]
    encoded = [canonical(FIRST), canonical(INTENTS[1])]
    hashes = [th("intent", intent) for intent in encoded]
    tree, expires = root(hashes), CREATED + 3600
    for index, intent in enumerate(encoded):
        subject = hashes[index]
        found.append((0x10, subject, intent))
        signature = sign(REQUESTER, message("request", VAULT, subject, 0))
        found.append((0x11, subject + key_id(REQUESTER), signature))
        found.append((0x13, tree + subject, proof(hashes, sorted(hashes).index(subject))))
    approval = bytes([PURPOSES.index("approve")]) + u64(expires)
    approval += sign(APPROVER, message("approve", VAULT, tree, expires))
    found.append((0x12, tree + key_id(APPROVER), approval))
    found.append((0x14, output(0), hashes[0]))
    found.append((0x14, output(256), hashes[1]))
    found.append((0x15, output(1), VAULT + u32(300)))
    for purpose, statement in statements():
        subject = th("statement", statement)
        found.append((0x16, subject, statement))
        signature = sign(APPROVER, message(purpose, VAULT, subject, expires))
        value = bytes([PURPOSES.index(purpose)]) + u64(expires) + signature
        found.append((0x12, subject + key_id(APPROVER), value))
    spent = th("tx", txid(UNSIGNED))
    maintain = bytes([PURPOSES.index("maintain")]) + u64(expires)
    maintain += sign(APPROVER, message("maintain", VAULT, spent, expires))
    found.append((0x12, spent + key_id(APPROVER), maintain))
    found.append((0x20, txid(FUNDING), FUNDING))
    found.append((0x21, txid(FUNDING), EARLIER))
    found.append((0x22, bytes([5] * 32) + u32(1), tx_out(71_000, bytes([0, 20] + [9] * 20))))
    header, siblings = bytes([3] * 80), bytes([4] * 64)
    found.append((0x30, txid(FUNDING), header + bytes([1]) + header + u32(2) + bytes([2]) + siblings))
    found.append((0x40, public(JOURNAL), receipt()))
    return [(PREFIX + compact(kind) + key, value) for kind, key, value in found]


def shown_records(found):
    return [{"key": key.hex(), "value": value.hex()} for key, value in sorted(found)]


def difference(good, bad):
    """What to take out of the good records, and then to put in, to have the bad ones."""
    return {
        "remove": sorted(key.hex() for key, _ in set(good) - set(bad)),
        "insert": shown_records(set(bad) - set(good)),
    }


def manifest_file():
    good = records()
    raw = b"".join(
        prefixed(key) + prefixed(value) for key, value in sorted(good) if key[len(PREFIX)] != 0x40)

    def key(kind, data=b""):
        return PREFIX + compact(kind) + data

    def without(kind):
        return [(found, value) for found, value in good if found[len(PREFIX)] != kind]

    def only(kind):
        return next((found, value) for found, value in good if found[len(PREFIX)] == kind)

    def with_value(kind, value):
        return without(kind) + [(only(kind)[0], value)]

    def statement(fields):
        encoded = canonical(fields)
        return good + [(key(0x16, th("statement", encoded)), encoded)]

    refused = [
        ("no format record", without(0x00)),
        ("no policy version record", without(0x01)),
        ("no purpose record", without(0x02)),
        ("no attempt record", without(0x03)),
        ("format 2", with_value(0x00, u32(2))),
        ("a value of 3 bytes, expected 4", with_value(0x00, u32(1)[:3])),
        ("a value of 31 bytes, expected 32", with_value(0x01, VAULT[:31])),
        ("purpose byte 7", with_value(0x02, bytes([7]))),
        ("key data of 1 bytes, expected 0", without(0x03) + [(key(0x03, b"\x00"), u32(7))]),
        ("subtype 0x04", good + [(key(0x04), b"")]),
        ("subtype 0x41", good + [(key(0x41), b"")]),
        ("key is not the hash", without(0x10) + [(key(0x10, bytes(32)), canonical(FIRST))]),
        ("key data of 63 bytes, expected 64", good + [(key(0x11, bytes(63)), only(0x11)[1])]),
        ("a signature of an unknown algorithm", with_value(0x11, bytes(65))),
        ("purpose byte 200", with_value(0x12, bytes([200]) + only(0x12)[1][1:])),
        ("signatures to policy are not supported", with_value(0x12, bytes([7]) + only(0x12)[1][1:])),
        ("a tree of 0 leaves", with_value(0x13, bytes(8))),
        ("key data of 2 bytes, expected 4", without(0x14) + [(key(0x14, bytes(2)), bytes(32))]),
        ("a value of 32 bytes, expected 36", with_value(0x15, VAULT)),
        ("key is not the hash", without(0x16) + [(key(0x16, bytes(32)), only(0x16)[1])]),
        ("key \"format\" is missing", with_value(0x16, b"{}")),
        ("an unknown format", statement({"entry": "00" * 32, "format": "countersign/list-add/2"})),
        ("key \"expires\" is missing", statement(
            {"format": "countersign/list-add/1", "label": "", "list": "l", "not_before": 1,
             "script_pubkey": "00"})),
        ("expires 1970-01-01T00:00:01Z is not after", statement(
            {"expires": 1, "format": "countersign/list-add/1", "label": "", "list": "l",
             "not_before": 1, "script_pubkey": "00"})),
        ("a label of 65 characters", statement(
            {"expires": 2, "format": "countersign/list-add/1", "label": "x" * 65, "list": "l",
             "not_before": 1, "script_pubkey": "00"})),
        ("list is not a name", statement(
            {"expires": 2, "format": "countersign/list-add/1", "label": "", "list": "L",
             "not_before": 1, "script_pubkey": "00"})),
        ("script_pubkey is empty", statement(
            {"expires": 2, "format": "countersign/list-add/1", "label": "", "list": "l",
             "not_before": 1, "script_pubkey": ""})),
        ("key \"more\" is unknown", statement(
            {"entry": "00" * 32, "format": "countersign/list-remove/1", "more": 1})),
        ("a string", statement({"entry": 1, "format": "countersign/list-confirm/1"})),
        ("key is not the hash", without(0x20) + [(key(0x20, bytes(32)), FUNDING)]),
        ("value does not encode to itself", with_value(0x20, EARLIER)),
        ("value does not encode to itself", with_value(0x20, FUNDING + b"\x00")),
        ("key data of 35 bytes, expected 36", without(0x22) + [(key(0x22, bytes(35)), only(0x22)[1])]),
        ("key data of 0 bytes, expected 32", good + [(key(0x30), b"")]),
        ("the bytes end where 32 more are needed", with_value(0x30, only(0x30)[1][:-1])),
        ("1 bytes follow the end", with_value(0x30, only(0x30)[1] + b"\x00")),
        ("key is not the hash", without(0x40) + [(key(0x40, bytes(32)), receipt())]),
    ]
    return {
        "about": "F5: a manifest with a record of every kind in a bare PSBT; what is refused",
        "records": shown_records(good),
        "psbt": psbt(good).hex(),
        "stripped": psbt([]).hex(),
        "hash": th("manifest", raw).hex(),
        "policy": VAULT.hex(),
        "attempt": 7,
        "payments": [
            {"output": number, "intent": th("intent", canonical(intent)).hex()}
            for number, intent in ((0, FIRST), (256, INTENTS[1]))
        ],
        "changes": [{"output": 1, "version": VAULT.hex(), "index": 300}],
        "refused": [{"why": why, **difference(good, bad)} for why, bad in refused],
    }


if __name__ == "__main__":
    write("manifest", manifest_file())

#!/usr/bin/env python3
"""Writes the golden file of docs/formats.md F5, record 30, beside itself: blocks mined at the work of regtest."""

from reference import sha256, shown, u32, write

EASY, MAINNET = 0x207FFFFF, 0x1D00FFFF


def twice(data):
    return sha256(sha256(data))


def target(bits):
    return (bits & 0x7FFFFF) << (8 * ((bits >> 24) - 3))


def header(previous, root, bits=EASY, work=EASY):
    """A header that meets the work given, whatever it says of its own."""
    nonce = 0
    while True:
        found = u32(2) + previous + root + u32(1_800_000_000) + u32(bits) + u32(nonce)
        if int.from_bytes(twice(found), "little") <= target(work):
            return found
        nonce += 1


def path(level, position):
    siblings = []
    while len(level) > 1:
        if len(level) % 2:
            level = level + level[-1:]
        siblings.append(level[position ^ 1])
        level = [twice(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
        position >>= 1
    return siblings, level[0]


def value(headers, position, siblings):
    return (headers[0] + bytes([len(headers) - 1]) + b"".join(headers[1:]) + u32(position)
            + bytes([len(siblings)]) + b"".join(siblings))


def chain(root, further):
    headers = [header(bytes(32), root)]
    for _ in range(further):
        headers.append(header(twice(headers[-1]), bytes(32)))
    return headers


def inclusion_file():
    shows, refused = [], []
    for number, position, further in ((1, 0, 0), (2, 1, 1), (5, 4, 2), (7, 2, 5), (13, 12, 1)):
        txids = [twice(bytes([number, i])) for i in range(number)]
        siblings, root = path(txids, position)
        headers = chain(root, further)
        shows.append({
            "txid": shown(txids[position]), "value": value(headers, position, siblings).hex(),
            "confirmations": further + 1, "block": shown(twice(headers[0])),
        })

    txids = [twice(bytes([i])) for i in range(5)]
    siblings, root = path(txids, 4)
    good = chain(root, 1)

    def wrong(code, headers=good, position=4, siblings=siblings, txid=txids[4], bits=EASY):
        refused.append({
            "code": code, "txid": shown(txid), "value": value(headers, position, siblings).hex(),
            "bits": f"{bits:08x}", "confirmations": 2,
        })

    wrong("INCLUSION_TOO_FEW_HEADERS", headers=good[:1])
    wrong("INCLUSION_NOT_LINKED", headers=[good[0], header(bytes(32), bytes(32))])
    wrong("INCLUSION_WORK", bits=MAINNET)
    wrong("INCLUSION_WORK", headers=[good[0], header(twice(good[0]), bytes(32), MAINNET)])
    wrong("INCLUSION_WORK", headers=[good[0], header(twice(good[0]), bytes(32), 0x20800001)])
    wrong("INCLUSION_PATH", txid=txids[3])
    wrong("INCLUSION_PATH", position=3)
    wrong("INCLUSION_PATH", position=12)
    # The copies of the last transaction, which the tree of an odd level holds (CVE-2012-2459).
    for copy in (5, 6, 7):
        wrong("INCLUSION_PATH", position=copy)
    # A transaction of 64 bytes whose first half is the txid of one that nobody mined (CVE-2017-12842).
    forged = next(found for i in range(10_000) if (found := twice(u32(i)))[4] == 1)
    block = forged + bytes([9] * 9) + bytes([0]) + bytes([255] * 4) + bytes([1])
    block += (100_000_000).to_bytes(8, "little") + bytes([4]) + bytes([0x51] * 4) + bytes(4)
    assert len(block) == 64
    siblings, root = path([twice(b"coinbase"), twice(block)], 1)
    wrong("INCLUSION_PATH", headers=chain(root, 1), position=2, siblings=[block[32:]] + siblings, txid=forged)

    whole = value(good, 4, path(txids, 4)[0])
    unreadable = [
        ("the bytes end where 32 more are needed", whole[:-1]),
        ("the bytes end where 80 more are needed", whole[:79]),
        ("the bytes end where 1 more are needed", whole[:80]),
        ("1 bytes follow the end", whole + b"\x00"),
        ("144 headers after the block's", whole[:80] + bytes([144]) + whole[81:]),
        ("16 siblings", whole[:165] + bytes([16]) + whole[166:]),
    ]
    return {
        "about": "F5, record 30: transactions shown in blocks of regtest's work; what shows nothing, what is none",
        "bits": f"{EASY:08x}",
        "shows": shows,
        "refused": refused,
        "unreadable": [{"why": why, "value": found.hex()} for why, found in unreadable],
    }


if __name__ == "__main__":
    write("inclusion", inclusion_file())

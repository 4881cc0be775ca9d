#!/usr/bin/env python3
"""Writes the golden files of docs/formats.md F1-F4 and F7 beside itself.

An implementation of its own, on Python's standard library alone, so that the Rust library is compared
with something that shares no code with it. Implementers in other languages can read it as an example.
Ed25519 is RFC 8032's, slow and not constant-time: for these published seeds only.
"""

import hashlib
import json
import pathlib

HERE = pathlib.Path(__file__).parent


# --- F1 -------------------------------------------------------------------------------------------
def sha256(data):
    return hashlib.sha256(data).digest()


def th(tag, data):
    tag_hash = sha256(b"countersign/v1/" + tag.encode())
    return sha256(tag_hash + tag_hash + data)


PURPOSES = ("request approve reject list-add list-remove list-confirm maintain policy ack stop "
            "release go void receipt move").split()


def u32(number):
    return number.to_bytes(4, "little")


def u64(number):
    return number.to_bytes(8, "little")


def message(purpose, vault, subject, expires):
    return th("sign/" + purpose, vault + subject + u64(expires))


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


# --- Ed25519, RFC 8032 section 6 ------------------------------------------------------------------
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def point_add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_mul(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        scalar >>= 1
    return result


def compress(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | ((x & 1) << 255)).to_bytes(32, "little")


def base_point():
    y = 4 * pow(5, P - 2, P) % P
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    x = P - x if x & 1 else x
    return (x, y, 1, x * y % P)


G = base_point()


def expand(seed):
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    return scalar, digest[32:]


def public(seed):
    return compress(point_mul(expand(seed)[0], G))


def sign(seed, msg):
    """F4: algorithm byte, then the 64 bytes of RFC 8032."""
    scalar, prefix = expand(seed)
    key = compress(point_mul(scalar, G))
    r = int.from_bytes(hashlib.sha512(prefix + msg).digest(), "little") % Q
    big_r = compress(point_mul(r, G))
    h = int.from_bytes(hashlib.sha512(big_r + key + msg).digest(), "little") % Q
    return b"\x01" + big_r + ((r + h * scalar) % Q).to_bytes(32, "little")


def decompress(data):
    """A point of canonical encoding, or None."""
    number = int.from_bytes(data, "little")
    y, sign_bit = number & ((1 << 255) - 1), number >> 255
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - x2) % P or (x == 0 and sign_bit):
        return None
    x = P - x if x & 1 != sign_bit else x
    return (x, y, 1, x * y % P)


def is_small(point):
    return compress(point_mul(8, point)) == bytes([1]) + bytes(31)


def verifies(key, msg, signature):
    """Strict: canonical encodings, no point of small order, no cofactor."""
    a, r, s = decompress(key), decompress(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or len(signature) != 64 or s >= Q or is_small(a) or is_small(r):
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + msg).digest(), "little") % Q
    return compress(point_mul(s, G)) == compress(point_add(r, point_mul(h, a)))


def record(seed):
    return b"\x01" + public(seed)


def key_id(seed):
    return sha256(record(seed))


def key_text(seed):
    return "ed25519:" + public(seed).hex()


# --- F3 -------------------------------------------------------------------------------------------
def split(count):
    half = 1
    while half * 2 < count:
        half *= 2
    return half


def top(subjects):
    if len(subjects) == 1:
        return th("leaf", subjects[0])
    half = split(len(subjects))
    return th("branch", top(subjects[:half]) + top(subjects[half:]))


def root(subjects):
    subjects = sorted(subjects)
    return th("root", u32(len(subjects)) + top(subjects))


def siblings(subjects, index):
    if len(subjects) == 1:
        return b""
    half = split(len(subjects))
    if index < half:
        return siblings(subjects[:half], index) + top(subjects[half:])
    return siblings(subjects[half:], index - half) + top(subjects[:half])


def proof(subjects, index):
    subjects = sorted(subjects)
    return u32(len(subjects)) + u32(index) + siblings(subjects, index)


def root_of_proof(subject, data):
    """The root that a proof leads to, as a verifier in another language computes it."""
    count, index = (int.from_bytes(data[at:at + 4], "little") for at in (0, 4))
    hashes = [data[at:at + 32] for at in range(8, len(data), 32)]

    def up(count, index, hashes):
        if count == 1:
            return th("leaf", subject)
        half = split(count)
        if index < half:
            return th("branch", up(half, index, hashes[:-1]) + hashes[-1])
        return th("branch", hashes[-1] + up(count - half, index - half, hashes[:-1]))
    return th("root", u32(count) + up(count, index, hashes))


# --- The examples ---------------------------------------------------------------------------------
VAULT = sha256(b"an example vault")
KEYSET = VAULT
REQUESTER, APPROVER, JOURNAL = bytes([1]) * 32, bytes([2]) * 32, bytes([3]) * 32
SECOND = bytes([4]) * 32
CREATED = 1795478400


def intent(name, script, amount, **changes):
    fields = {
        "amount_sat": amount, "created": CREATED, "expires": CREATED + 86400,
        "format": "countersign/intent/1", "id": name, "keyset": KEYSET.hex(), "kind": "payment",
        "min_sat": amount, "reference": "", "repeats": "", "replaces": "", "requester": "exchange",
        "script_pubkey": script, "vault": VAULT.hex(),
    }
    fields.update(changes)
    return fields


FIRST = intent("w-1", "0014" + "ab" * 20, 50_000, reference='invoice "42" \\ October')
INTENTS = [
    FIRST,
    intent("w-2", "5120" + "cd" * 32, 2_100_000_000_000_000, kind="transfer", requester="pay-roll-1"),
    intent("A.b_c:d-9", "76a914" + "ef" * 20 + "88ac", 7, replaces="w-1", expires=2**53 - 1),
    intent("w-4", "0014" + "ab" * 20, 49_999, repeats="w-1", reference="~ " * 100),
    intent("w-5", "0020" + "12" * 32, 10_000, kind="sweep", min_sat=9_000),
]


def refused_intents():
    good = canonical(FIRST).decode()
    swap = lambda old, new: good.replace(old, new, 1)
    changed = lambda **changes: canonical(dict(FIRST, **changes)).decode()
    without = dict(FIRST)
    del without["repeats"]
    return [
        ("white space", swap(":50000", ": 50000")),
        ("white space", good + "\n"),
        ("follows the JSON", good + "{}"),
        ("ends early", good[:-1]),
        ("out of order", swap('"amount_sat":50000,"created":1795478400', '"created":1795478400,"amount_sat":50000')),
        ("comes twice", swap('"amount_sat":50000', '"amount_sat":50000,"amount_sat":50000')),
        ("is missing", canonical(without).decode()),
        ("is unknown", changed(note="")),
        ("escape", swap("invoice", "\\u0069nvoice")),
        ("escape", swap("invoice", "\\/")),
        ("printable ASCII", swap("invoice", "invoicé")),
        ("printable ASCII", swap("invoice", "in\tvoice")),
        ("printable ASCII", swap("invoice", "in\x7fvoice")),
        ("fraction", swap(":50000", ":50000.0")),
        ("exponent", swap(":50000", ":5e4")),
        ("negative", swap(":50000", ":-50000")),
        ("leading zero", swap(":50000", ":050000")),
        ("2^53", changed(expires=2**53)),
        ("neither string nor integer", swap('"repeats":""', '"repeats":null')),
        ("nested", swap('"repeats":""', '"repeats":[]')),
        ("must hold an integer", changed(amount_sat="50000")),
        ("must hold a string", changed(id=1)),
        ("at most 1024 are allowed", changed(script_pubkey="6a" * 400)),
        ("format", changed(format="countersign/intent/2")),
        ("id", changed(id="w/1")),
        ("id", changed(id="")),
        ("id", changed(id="w" * 65)),
        ("requester", changed(requester="Exchange")),
        ("requester", changed(requester="r" * 33)),
        ("kind", changed(kind="gift")),
        ("vault", changed(vault=VAULT.hex().upper())),
        ("keyset", changed(keyset="")),
        ("script_pubkey", changed(script_pubkey="0")),
        ("script_pubkey is empty", changed(script_pubkey="")),
        ("amount_sat is 0", changed(amount_sat=0, min_sat=0)),
        ("more than there can ever be", changed(amount_sat=2_100_000_000_000_001, min_sat=2_100_000_000_000_001)),
        ("min_sat is 0", changed(kind="sweep", min_sat=0)),
        ("above amount_sat", changed(kind="sweep", min_sat=50_001)),
        ("only a sweep", changed(min_sat=49_999)),
        ("not after created", changed(expires=CREATED)),
        ("names the intent itself", changed(replaces="w-1")),
        ("names the intent itself", changed(repeats="w-1")),
        ("exclude each other", changed(replaces="w-0", repeats="w-0")),
        ("at most 200 are allowed", changed(reference="x" * 201)),
    ]


def write(name, document):
    text = json.dumps(document, indent=2, ensure_ascii=True)
    (HERE / (name + ".json")).write_text(text + "\n")


def txid(byte):
    return bytes([byte] * 31 + [0])


def shown(txid_bytes):
    return txid_bytes[::-1].hex()


def hash_file():
    subject = sha256(b"an example subject")
    statement = canonical({"list": "counterparties", "not_before": CREATED})

    def said(purpose, fields):
        text = canonical(dict(fields, format=f"countersign/{purpose}/1"))
        return {"purpose": purpose, "json": text.decode(), "subject": th("statement", text).hex()}

    added = said("list-add", {
        "expires": CREATED + 365 * 86400, "label": "Acme Ltd", "list": "counterparties",
        "not_before": CREATED, "script_pubkey": "0014" + "07" * 20,
    })
    stopped = said("stop", {
        "created": CREATED, "nonce": bytes(range(16)).hex(), "reason": "a laptop was stolen",
    })
    return {
        "about": "F1: tagged hashes, purposes, and the message that every signature is over",
        "tagged": [
            {"tag": tag, "data": data.hex(), "hash": th(tag, data).hex()}
            for tag, data in [("intent", b""), ("leaf", bytes(32)), ("branch", bytes(range(64)))]
        ],
        "purposes": [{"name": name, "byte": byte} for byte, name in enumerate(PURPOSES)],
        "messages": [
            {"purpose": name, "vault": VAULT.hex(), "subject": subject.hex(), "expires": expires,
             "message": message(name, VAULT, subject, expires).hex()}
            for name in PURPOSES for expires in (0, CREATED)
        ],
        "statements": [{"json": statement.decode(), "subject": th("statement", statement).hex()}],
        "said": [
            added,
            said("list-remove", {"entry": added["subject"]}),
            said("list-confirm", {"entry": added["subject"]}),
            stopped,
            said("release", {"stop": stopped["subject"]}),
            said("go", {"created": CREATED, "nonce": bytes(range(16))[::-1].hex()}),
            said("ack", {"policy": "42" * 32}),
        ],
        "transactions": [{"txid": shown(txid(7)), "subject": th("tx", txid(7)).hex()}],
    }


def keys_file():
    seeds = [REQUESTER, APPROVER, JOURNAL, bytes(range(32))]
    msg = sha256(b"an example message")
    signature = sign(REQUESTER, msg)
    high_s = signature[:33] + (int.from_bytes(signature[33:], "little") + Q).to_bytes(32, "little")
    neutral = bytes([1]) + bytes(31)
    key = public(REQUESTER)
    return {
        "about": "F4: keys made from seeds, their records, ids and texts, and strict signatures",
        "keys": [
            {"seed": seed.hex(), "text": key_text(seed), "record": record(seed).hex(), "id": key_id(seed).hex()}
            for seed in seeds
        ],
        "passkeys": [
            {"text": name + digits, "record": byte + digits, "id": sha256(bytes.fromhex(byte + digits)).hex()}
            for name, byte, digits in [
                ("webauthn-es256:", "02", "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
                ("webauthn-eddsa:", "03", key.hex()),
            ]
        ],
        "refused_keys": [
            {"why": why, "text": text} for why, text in [
                ("written as ed25519", key.hex()),
                ("unknown key algorithm", "rsa:" + key.hex()),
                ("RS256", "webauthn-rs256:" + key.hex()),
                ("not a point", "webauthn-es256:02" + "ff" * 32),
                ("not a point", "webauthn-es256:04" + key.hex()),
                ("66 hex digits", "webauthn-es256:" + key.hex()),
                ("weak", "webauthn-eddsa:" + neutral.hex()),
                ("lower hex", "ed25519:" + key.hex().upper()),
                ("64 hex digits", "ed25519:" + key.hex()[2:]),
                ("weak", "ed25519:" + neutral.hex()),
                ("not a point", "ed25519:" + (P + 1).to_bytes(32, "little").hex()),
            ]
        ],
        "signatures": [
            {"seed": seed.hex(), "message": msg.hex(), "signature": sign(seed, msg).hex()} for seed in seeds
        ],
        "refused_signatures": [
            {"why": why, "key": key_text(REQUESTER), "message": msg.hex(), "signature": bad.hex()} for why, bad in [
                ("not the key's signature", high_s),
                ("not the key's signature", signature[:1] + neutral + bytes(32)),
                ("not the key's signature", sign(APPROVER, msg)),
                ("65", signature[:-1]),
                ("65", signature + b"\0"),
                ("unknown algorithm", b"\0" + signature[1:]),
                ("webauthn-es256 by a key of ed25519", b"\x02\x00\x00\x00"),
                ("cut off in its clientDataJSON", b"\x02\x00"),
                ("1 bytes follow the signature", b"\x03\x00\x00\x00\x00"),
            ]
        ],
    }


def intent_file():
    def example(fields):
        encoded = canonical(fields)
        subject = th("intent", encoded)
        msg = message("request", VAULT, subject, 0)
        return {
            "fields": fields, "canonical": encoded.decode(), "hash": subject.hex(), "message": msg.hex(),
            "request_signature": sign(REQUESTER, msg).hex(),
        }
    return {
        "about": "F2: intents, their canonical bytes, hashes and request signatures; what is refused",
        "requester_seed": REQUESTER.hex(),
        "requester_key_id": key_id(REQUESTER).hex(),
        "intents": [example(fields) for fields in INTENTS],
        "refused": [{"why": why, "bytes": text.encode().hex()} for why, text in refused_intents()],
    }


def merkle_file():
    def tree(count):
        subjects = [sha256(u32(number)) for number in range(count)]
        ordered = sorted(subjects)
        return {
            "subjects": [subject.hex() for subject in subjects],
            "root": root(subjects).hex(),
            "proofs": [
                {"subject": subject.hex(), "proof": proof(subjects, index).hex()}
                for index, subject in enumerate(ordered)
            ],
        }
    one = [sha256(u32(number)) for number in range(3)]
    good = proof(one, 0)
    last = proof(one, 2)
    return {
        "about": "F3: trees over subjects, their roots and proofs; subjects are given in any order",
        "trees": [tree(count) for count in (1, 2, 3, 4, 5, 7, 8, 11)],
        "refused_proofs": [
            {"why": why, "proof": bad.hex()} for why, bad in [
                ("expected 8", good[:7]),
                ("a tree of 0 leaves", u32(0) + u32(0)),
                ("a tree of 1025 leaves", u32(1025) + u32(0)),
                ("leaf 3 of a tree of 3", u32(3) + u32(3) + good[8:]),
                ("expected 72", good[:-32]),
                ("expected 40", last + bytes(32)),
            ]
        ],
    }


def approval_file():
    hashes = [th("intent", canonical(fields)) for fields in INTENTS]
    examples = []
    for purpose in ("approve", "reject"):
        for subjects in (hashes[:1], hashes):
            tree, expires = root(subjects), CREATED + 3600
            msg = message(purpose, VAULT, tree, expires)
            signature = sign(APPROVER, msg)
            value = bytes([PURPOSES.index(purpose)]) + u64(expires) + signature
            examples.append({
                "purpose": purpose, "intents": [subject.hex() for subject in subjects], "root": tree.hex(),
                "expires": expires, "message": msg.hex(), "signature": signature.hex(),
                "manifest_value": value.hex(),
            })
    return {
        "about": "F1, F3, F5: approvals and rejections of one intent and of several",
        "vault": VAULT.hex(),
        "approver_seed": APPROVER.hex(),
        "approver_key_id": key_id(APPROVER).hex(),
        "approvals": examples,
    }


def outpoint(byte, vout):
    return f"{shown(txid(byte))}:{vout}"


def chained(key, birth, entries):
    """The lines of one journal, and its last head."""
    head = th("birth", VAULT + public(key) + u64(birth["birth"]))
    lines = [{"counter": 0, "entry": birth, "head": head.hex()}]
    for counter, entry in enumerate(entries, 1):
        head = th("entry", head + u64(counter) + sha256(canonical(entry)))
        lines.append({"counter": counter, "entry": entry, "head": head.hex()})
    return [canonical(line).decode() for line in lines], head


def journal_file():
    def signed(number, inputs, paid, replaced, change, at, mode="pay", ancestors=None, rules=None):
        return {
            "ancestors": ancestors or {}, "at": at, "change": change, "entry": "signed", "fee_sat": 1_410,
            "inputs": [outpoint(byte, vout) for byte, vout in inputs],
            "intents": paid, "mode": mode, "replaced": replaced,
            "rules": rules if rules is not None else ["small payouts"] * len(paid), "txid": shown(txid(number)),
        }

    def born(key):
        return {
            "birth": 0, "entry": "birth", "format": "countersign/journal/1", "journal": key_text(key),
            "vault": VAULT.hex(),
        }

    added = {
        "expires": CREATED + 86400, "format": "countersign/list-add/1", "label": "an exchange",
        "list": "counterparties", "not_before": CREATED, "script_pubkey": "0014" + "ab" * 20,
    }
    subject = th("statement", canonical(added)).hex()
    entries = [
        signed(1, [(101, 0), (102, 3)], [FIRST, INTENTS[1]], [], [0], CREATED + 100),
        signed(2, [(101, 0)], [INTENTS[2]], [FIRST], [1, 2], CREATED + 200),
        signed(3, [(103, 1)], [], [], [], CREATED + 200, mode="self-spend"),
        {"at": CREATED + 200, "entry": "seen", "statement": added},
        {"at": CREATED + 210, "entry": "seen",
         "statement": {"entry": subject, "format": "countersign/list-confirm/1"}},
        {"at": CREATED + 220, "entry": "seen",
         "statement": {"entry": subject, "format": "countersign/list-remove/1"}},
        signed(5, [(2, 1)], [INTENTS[1]], [], [3], CREATED + 230, rules=[""],
               ancestors={shown(txid(2)): [outpoint(101, 0)], shown(txid(101)): [outpoint(100, 0)]}),
        signed(6, [(104, 0)], [], [], [4], CREATED + 240, mode="recovery"),
    ]
    # What receipts said; the entries above are of a journal that did not keep it yet.
    given = {"event_head": "", "manifest": sha256(b"a manifest").hex(), "nonce": ""}
    again = {"event_head": sha256(b"events").hex(), "manifest": sha256(b"another manifest").hex(),
             "nonce": sha256(b"nonce").hex()}
    entries += [
        dict(signed(8, [(105, 0)], [], [], [5], CREATED + 240, mode="self-spend"), receipt=given),
        {"at": CREATED + 240, "entry": "again", "receipt": again, "txid": shown(txid(8))},
    ]
    # A stop, its release, and the promise never to sign a transaction.
    stop = {
        "created": CREATED + 240, "format": "countersign/stop/1", "nonce": bytes(range(16)).hex(),
        "reason": "a laptop was stolen",
    }
    release = {"format": "countersign/release/1", "stop": th("statement", canonical(stop)).hex()}
    entries += [
        {"at": CREATED + 250, "by": key_id(APPROVER).hex(), "entry": "seen", "statement": stop},
        {"at": CREATED + 260, "entry": "seen", "statement": release},
        {"at": CREATED + 270, "entry": "voided", "txid": shown(txid(9))},
    ]
    lines, head = chained(JOURNAL, born(JOURNAL), entries)
    count = len(entries)

    def receipt(counter, said, number, at):
        body = canonical(dict(
            said, counter=counter, format="countersign/receipt/1", head=json.loads(lines[counter])["head"],
            journal=key_text(JOURNAL), now=at, txid=shown(txid(number))))
        signature = sign(JOURNAL, message("receipt", VAULT, th("statement", body), 0))
        return {"json": body.decode(), "signature": signature.hex()}

    def followed(entry):
        """The journal with one more entry, its head made right."""
        return chained(JOURNAL, born(JOURNAL), entries + [entry])[0]

    not_exclusive = signed(4, [(109, 0)], [FIRST], [], [], CREATED + 300)
    stranger = signed(4, [(109, 0)], [], [], [], CREATED + 300, ancestors={shown(txid(7)): [outpoint(101, 0)]})

    # The move to a second machine.
    moved = entries + [{"at": CREATED + 330, "entry": "moved", "to": key_text(SECOND)}]
    old_lines, old_head = chained(JOURNAL, born(JOURNAL), moved)
    statement = canonical({
        "birth": 0, "counter": count + 1, "format": "countersign/move/1", "from": key_text(JOURNAL),
        "head": old_head.hex(), "to": key_text(SECOND),
    })
    msg = message("move", VAULT, th("statement", statement), 0)
    signature = sign(JOURNAL, msg)
    assert 253 <= len(statement) < 65536
    certificate = bytes([0xFD]) + len(statement).to_bytes(2, "little") + statement + signature

    def inherited(by):
        return {"certificate": by.hex(), "counter": count + 1, "entry": "inherited",
                "from": key_text(JOURNAL), "head": old_head.hex()}
    new_lines, _ = chained(SECOND, born(SECOND), [inherited(signature)])
    forged, _ = chained(SECOND, born(SECOND), [inherited(sign(SECOND, msg))])
    stranger_lines, _ = chained(APPROVER, born(APPROVER), [inherited(signature)])
    after, _ = chained(JOURNAL, born(JOURNAL), moved + [signed(3, [(103, 1)], [], [], [], CREATED + 330)])

    return {
        "about": "F7: a journal line by line, without line feeds; every line ends in one in the file",
        "journal_seed": JOURNAL.hex(),
        "vault": VAULT.hex(),
        "birth": 0,
        "lines": lines,
        "counter": count,
        "head": head.hex(),
        "given": {
            "txid": shown(txid(8)),
            "receipts": [receipt(9, given, 8, CREATED + 240), receipt(10, again, 8, CREATED + 240)],
            "kept_none": [shown(txid(1)), shown(txid(6))],
        },
        "moved": {
            "to_seed": SECOND.hex(),
            "lines": old_lines + new_lines,
            "statement": statement.decode(),
            "message": msg.hex(),
            "certificate": certificate.hex(),
        },
        "refused": [
            {"why": why, "lines": bad} for why, bad in [
                ("the journal is empty", []),
                ("the counter is 1", lines[1:]),
                ("the counter is 2", lines[:1] + lines[2:]),
                ("the counter is 1", lines[:2] + lines[1:]),
                ("the head is", [lines[0], lines[1].replace(":1410", ":1411")] + lines[2:]),
                ("the head is", [lines[0].replace('"birth":0', '"birth":1')] + lines[1:]),
                ("white space", [lines[0] + " "]),
                ("unknown kind", [lines[0], lines[1].replace('"signed"', '"stop"')]),
                ("in one chain", followed(not_exclusive)),
                ("does not descend", followed(stranger)),
                ("never signed", followed({"at": CREATED + 300, "entry": "again", "receipt": again,
                                           "txid": shown(txid(4))})),
                ("64 lower hex digits", followed({"at": CREATED + 300, "entry": "again", "txid": shown(txid(8)),
                                                  "receipt": dict(again, nonce="00")})),
                ("names for", followed(dict(not_exclusive, rules=[]))),
                ("pay, self-spend or recovery", followed(dict(not_exclusive, mode="gift"))),
                ("a statement that journals keep",
                 followed({"at": CREATED + 300, "entry": "seen", "statement": {"format": "x"}})),
                ("a stop with the key that said it",
                 followed({"at": CREATED + 300, "entry": "seen", "statement": stop})),
                ("a stop", followed({"at": CREATED + 300, "by": key_id(APPROVER).hex(), "entry": "seen",
                                     "statement": release})),
                ("promised never to sign it", followed(signed(9, [(110, 0)], [], [], [], CREATED + 300))),
                ("was signed or voided before", followed({"at": CREATED + 300, "entry": "voided",
                                                          "txid": shown(txid(8))})),
                ("was signed or voided before", followed({"at": CREATED + 300, "entry": "voided",
                                                          "txid": shown(txid(9))})),
                ("takes no more entries", after),
                ("not how the journal goes on", new_lines),
                ("not how the journal goes on", old_lines + new_lines[:1]),
                ("not how the journal goes on", old_lines + stranger_lines),
                ("not the key's signature", old_lines + forged),
            ]
        ],
    }


def receipt_file():
    def example(nonce, event_head):
        body = canonical({
            "counter": 3, "event_head": event_head, "format": "countersign/receipt/1",
            "head": sha256(b"a head").hex(), "journal": key_text(JOURNAL),
            "manifest": sha256(b"a manifest").hex(), "nonce": nonce, "now": CREATED + 200,
            "txid": shown(txid(3)),
        })
        subject = th("statement", body)
        msg = message("receipt", VAULT, subject, 0)
        signature = sign(JOURNAL, msg)
        prefix = bytes([0xFD]) + len(body).to_bytes(2, "little")
        assert 253 <= len(body) < 65536
        return {
            "json": body.decode(), "subject": subject.hex(), "message": msg.hex(),
            "signature": signature.hex(), "encoded": (prefix + body + signature).hex(),
        }
    return {
        "about": "F7: receipts; on the wire a compact size, the canonical JSON and the signature",
        "journal_seed": JOURNAL.hex(),
        "vault": VAULT.hex(),
        "receipts": [example("", ""), example(sha256(b"nonce").hex(), sha256(b"events").hex())],
    }


def void_file():
    def void(number):
        msg = message("void", VAULT, th("tx", txid(number)), 0)
        signature = sign(JOURNAL, msg)
        text = canonical({
            "format": "countersign/void/1", "journal": key_text(JOURNAL), "signature": signature.hex(),
            "txid": shown(txid(number)),
        })
        return {"txid": shown(txid(number)), "message": msg.hex(), "json": text.decode()}
    voids = [void(9), void(200)]
    good = voids[0]["json"]
    return {
        "about": "F7: a journal's promise never to sign a transaction, as canonical JSON",
        "journal_seed": JOURNAL.hex(),
        "vault": VAULT.hex(),
        "voids": voids,
        "refused": [
            {"why": why, "json": bad} for why, bad in [
                ("format is not", good.replace("void/1", "void/2")),
                ("white space", good.replace("{", "{ ")),
                ("txid", good.replace(voids[0]["txid"], voids[0]["txid"][2:])),
                ("signature", good.replace('"signature":"', '"signature":"00')),
            ]
        ],
        # Read, and not this journal's promise about this transaction.
        "wrong": [good.replace(voids[0]["txid"], voids[1]["txid"])],
    }


if __name__ == "__main__":
    write("hash", hash_file())
    write("keys", keys_file())
    write("intent", intent_file())
    write("merkle", merkle_file())
    write("approval", approval_file())
    write("journal", journal_file())
    write("receipt", receipt_file())
    write("void", void_file())

#!/usr/bin/env python3
"""Writes webauthn.json (docs/formats.md F4, passkeys) beside itself.

What counts was recorded from a real browser, Chromium with its virtual authenticator, in
webauthn_recorded.json. What must be refused is signed here, truly, by a P-256 and an Ed25519 of our own,
so that each variant is refused for the one thing that is wrong with it.
"""

import base64
import hashlib
import json

from reference import HERE, Q, key_text, message, public, record, sha256, sign, th, write, VAULT, CREATED
from reference_manifest import prefixed

# --- ECDSA over P-256 (SEC 1), with a nonce made from key and message -----------------------------
FIELD = 2**256 - 2**224 + 2**192 + 2**96 - 1
A = FIELD - 3
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
GENERATOR = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
             0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)


def add(one, other):
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2:
        if (y1 + y2) % FIELD == 0:
            return None
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, FIELD)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, FIELD)
    x = (slope * slope - x1 - x2) % FIELD
    return x, (slope * (x1 - x) - y1) % FIELD


def multiply(scalar, point):
    result = None
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def compressed(point):
    return bytes([2 + point[1] % 2]) + point[0].to_bytes(32, "big")


def decompress(key):
    x = int.from_bytes(key[1:], "big")
    y = pow((x**3 + A * x + B) % FIELD, (FIELD + 1) // 4, FIELD)
    return x, y if y % 2 == key[0] % 2 else FIELD - y


def ecdsa_sign(scalar, data):
    nonce = int.from_bytes(sha256(b"nonce" + scalar.to_bytes(32, "big") + data), "big") % ORDER
    r = multiply(nonce, GENERATOR)[0] % ORDER
    return r, pow(nonce, -1, ORDER) * (int.from_bytes(sha256(data), "big") + r * scalar) % ORDER


def ecdsa_verifies(key, data, r, s):
    if not (0 < r < ORDER and 0 < s < ORDER):
        return False
    inverse, z = pow(s, -1, ORDER), int.from_bytes(sha256(data), "big")
    point = add(multiply(z * inverse % ORDER, GENERATOR), multiply(r * inverse % ORDER, decompress(key)))
    return point is not None and point[0] % ORDER == r


def der(r, s):
    def integer(number):
        data = number.to_bytes(number.bit_length() // 8 + 1, "big")
        return bytes([2, len(data)]) + data
    body = integer(r) + integer(s)
    return bytes([0x30, len(body)]) + body


def from_der(data):
    assert data[0] == 0x30 and data[1] == len(data) - 2 and data[2] == 2
    end = 4 + data[3]
    assert data[end] == 2 and end + 2 + data[end + 1] == len(data)
    return int.from_bytes(data[4:end], "big"), int.from_bytes(data[end + 2:], "big")


# --- F4 -------------------------------------------------------------------------------------------
RP_ID, ORIGIN = "localhost", "http://localhost:7543"
SCALAR = int.from_bytes(sha256(b"an example passkey"), "big") % ORDER
ES256 = compressed(multiply(SCALAR, GENERATOR))
SEED = sha256(b"another example passkey")
EDDSA = public(SEED)
MESSAGE = message("approve", VAULT, sha256(b"an example root"), CREATED)


def challenge(msg):
    return base64.urlsafe_b64encode(msg).rstrip(b"=").decode()


def authenticator_data(rp_id=RP_ID, flags=0x05, counter=1, more=b""):
    return sha256(rp_id.encode()) + bytes([flags]) + counter.to_bytes(4, "big") + more


def client_data(**changes):
    fields = {"type": "webauthn.get", "challenge": challenge(MESSAGE), "origin": ORIGIN, "crossOrigin": False}
    fields.update(changes)
    fields = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(fields, separators=(",", ":")).encode()


def assembled(algorithm, data, client, signature):
    return bytes([algorithm]) + prefixed(data) + prefixed(client) + prefixed(signature)


def es256(data=None, client=None, encode=der, scalar=SCALAR):
    data = authenticator_data() if data is None else data
    client = client_data() if client is None else client
    return assembled(2, data, client, encode(*ecdsa_sign(scalar, data + sha256(client))))


def eddsa(data=None, client=None):
    data = authenticator_data() if data is None else data
    client = client_data() if client is None else client
    return assembled(3, data, client, sign(SEED, data + sha256(client))[1:])


def text_of(algorithm, key):
    return {2: "webauthn-es256:", 3: "webauthn-eddsa:"}[algorithm] + key.hex()


def cose_key(attestation):
    """The key at the end of a browser's attestation object, as its record's algorithm and bytes."""
    after = attestation.index(bytes.fromhex("010203040506070801020304050607080020")) + 18 + 32
    cose = attestation[after:]
    if cose[:5] == bytes.fromhex("a501020326"):
        x, y = cose[10:42], cose[45:77]
        return 2, bytes([2 + y[31] % 2]) + x
    assert cose[:8] == bytes.fromhex("a401010327200621")
    return 3, cose[10:42]


def recorded():
    return json.loads((HERE / "webauthn_recorded.json").read_text())


def registrations():
    found = []
    for name in ("es256", "eddsa"):
        one = recorded()[name]
        registration = one["registration"]
        found.append({
            "challenge": one["challenge"], "client_data_json": registration["clientDataJSON"],
            "attestation_object": registration["attestationObject"], "credential_id": registration["id"],
            "key": text_of(*cose_key(bytes.fromhex(registration["attestationObject"]))), "synced": False,
        })
    return found


def refused_registrations():
    good = recorded()["es256"]
    client, attestation = (good["registration"][name] for name in ("clientDataJSON", "attestationObject"))
    get = recorded()["es256"]["assertions"][0]["clientDataJSON"]
    rsa = recorded()["rs256"]["registration"]
    at = attestation.index("49960de5")
    cases = [
        ("RS256_REFUSED", recorded()["rs256"]["challenge"], rsa["clientDataJSON"], rsa["attestationObject"]),
        ("CLIENT_DATA_TYPE", good["challenge"], get, attestation),
        ("CHALLENGE", "00" * 32, client, attestation),
        ("ATTESTED", good["challenge"], client, attestation.replace("646e6f6e65", "647061636b")),
        ("ATTESTATION_OBJECT", good["challenge"], client, attestation[:-2]),
        ("ATTESTATION_OBJECT", good["challenge"], client, attestation + "00"),
        ("RELYING_PARTY", good["challenge"], client, attestation[:at] + "00" + attestation[at + 2:]),
        ("BAD_KEY", good["challenge"], client, attestation[:-2] + "%02x" % (int(attestation[-2:], 16) ^ 1)),
    ]
    return [{"error": error, "challenge": asked, "client_data_json": client, "attestation_object": object}
            for error, asked, client, object in cases]


def valid():
    found = []
    for name in ("es256", "eddsa"):
        one = recorded()[name]
        algorithm, key = cose_key(bytes.fromhex(one["registration"]["attestationObject"]))
        for assertion in one["assertions"]:
            data, client, signature = (
                bytes.fromhex(assertion[part]) for part in ("authenticatorData", "clientDataJSON", "signature"))
            found.append((f"Chromium {recorded()['browser']}, {name}", algorithm, key, assertion["message"],
                          assembled(algorithm, data, client, signature), False))
    high = lambda r, s: der(r, max(s, ORDER - s))
    low = lambda r, s: der(r, min(s, ORDER - s))
    for why, algorithm, key, signature, synced in [
        ("the higher s", 2, ES256, es256(encode=high), False),
        ("the lower s", 2, ES256, es256(encode=low), False),
        ("crossOrigin is absent", 2, ES256, es256(client=client_data(crossOrigin=None)), False),
        ("a member that browsers may add", 2, ES256, es256(client=client_data(other=[1, {"a": 2}])), False),
        ("the members in another order", 2, ES256, es256(client=json.dumps(
            json.loads(client_data()), sort_keys=True).encode()), False),
        ("a counter of zero", 2, ES256, es256(authenticator_data(counter=0)), False),
        ("extensions", 2, ES256, es256(authenticator_data(flags=0x85, more=b"\xa0")), False),
        ("a synced passkey where the policy says so", 3, EDDSA, eddsa(authenticator_data(flags=0x1D)), True),
        ("Ed25519", 3, EDDSA, eddsa(), False),
    ]:
        found.append((why, algorithm, key, MESSAGE.hex(), signature, synced))
    return [{"why": why, "key": text_of(algorithm, key), "message": msg, "synced": synced,
             "signature": signature.hex()} for why, algorithm, key, msg, signature, synced in found]


def refused():
    good = es256()
    data, client = authenticator_data(), client_data()
    with_signature = lambda signature: assembled(2, data, client, signature)
    right = der(*ecdsa_sign(SCALAR, data + sha256(client)))
    r, s = ecdsa_sign(SCALAR, data + sha256(client))
    needless_zero = b"\x30" + bytes([len(right) + 1 - 2]) + b"\x02" + bytes([right[3] + 1]) + b"\x00" + right[4:]
    padded = challenge(MESSAGE) + "="
    cases = [
        ("CLIENT_DATA_TYPE", es256(client=client_data(type="webauthn.create"))),
        ("CLIENT_DATA_TYPE", es256(client=client_data(type="payment.get"))),
        ("CHALLENGE", es256(client=client_data(challenge=challenge(bytes(32))))),
        ("CHALLENGE", es256(client=client_data(challenge=padded))),
        ("CHALLENGE", es256(client=client_data(challenge=MESSAGE.hex()))),
        ("ORIGIN", es256(client=client_data(origin="http://localhost:7544"))),
        ("ORIGIN", es256(client=client_data(origin="http://localhost:7543/"))),
        ("ORIGIN", es256(client=client_data(origin="https://localhost:7543"))),
        ("ORIGIN", es256(client=client_data(origin="http://localhost:7543.evil.example"))),
        ("CROSS_ORIGIN", es256(client=client_data(crossOrigin=True))),
        ("CROSS_ORIGIN", es256(client=client_data(topOrigin="https://evil.example"))),
        ("CLIENT_DATA", es256(client=client_data(crossOrigin="false"))),
        ("CLIENT_DATA", es256(client=client_data(origin=None))),
        ("CLIENT_DATA", es256(client=client.replace(b"{", b'{"origin":"https://evil.example",', 1))),
        ("CLIENT_DATA", es256(client=client + b"{}")),
        ("CLIENT_DATA", es256(client=b"")),
        ("CLIENT_DATA", es256(client=b"[" + client + b"]")),
        ("CLIENT_DATA", es256(client=client.replace(b"localhost", b"\xff\xfe"))),
        ("RELYING_PARTY", es256(authenticator_data("localhost.evil.example"))),
        ("USER_NOT_PRESENT", es256(authenticator_data(flags=0x04))),
        ("USER_NOT_VERIFIED", es256(authenticator_data(flags=0x01))),
        ("BACKUP_STATE", es256(authenticator_data(flags=0x15))),
        ("SYNCED", es256(authenticator_data(flags=0x0D))),
        ("AUTHENTICATOR_DATA", es256(data[:36])),
        ("AUTHENTICATOR_DATA", es256(data + b"\xa0")),
        ("AUTHENTICATOR_DATA", es256(authenticator_data(flags=0x85))),
        ("AUTHENTICATOR_DATA", es256(authenticator_data(flags=0x45, more=bytes(20)))),
        ("SIGNATURE_ENCODING", with_signature(r.to_bytes(32, "big") + s.to_bytes(32, "big"))),
        ("SIGNATURE_ENCODING", with_signature(needless_zero)),
        ("SIGNATURE_ENCODING", with_signature(right[:-1])),
        ("SIGNATURE_ENCODING", with_signature(der(0, s))),
        ("SIGNATURE_ENCODING", with_signature(der(r, ORDER))),
        ("WRONG", with_signature(der(r, s - 1))),
        ("WRONG", with_signature(der(*ecdsa_sign(SCALAR + 1, data + sha256(client))))),
        ("WRONG", assembled(2, authenticator_data(counter=2), client, right)),
        ("WRONG", assembled(2, data, client_data(other=1), right)),
        ("OTHER_ALGORITHM", eddsa()),
        ("OTHER_ALGORITHM", sign(SEED, MESSAGE)),
        ("CUT_OFF", good[:-1]),
        ("CUT_OFF", b"\x02"),
        ("CUT_OFF", b"\x02\xfd\x25\x00" + good[2:]),
        ("TRAILING", good + b"\x00"),
        ("PART_TOO_LONG", assembled(2, data + bytes(220), client, right)),
        ("PART_TOO_LONG", assembled(2, data, client + b" " * 1000, right)),
        ("PART_TOO_LONG", with_signature(right + bytes(10))),
        ("UNKNOWN_ALGORITHM", b"\x04" + good[1:]),
    ]
    found = [{"error": error, "key": text_of(2, ES256), "message": MESSAGE.hex(), "signature": bad.hex()}
             for error, bad in cases]
    small = b"\x01" + bytes(31)
    for error, signature in [("WRONG", small + bytes(32)), ("SIGNATURE_ENCODING", bytes(63))]:
        found.append({"error": error, "key": text_of(3, EDDSA), "message": MESSAGE.hex(),
                      "signature": assembled(3, data, client, signature).hex()})
    return found


def webauthn_file():
    return {
        "about": "F4: passkeys; assertions recorded from a real browser, others made, and what is refused",
        "rp_id": RP_ID,
        "origins": [ORIGIN],
        "valid": valid(),
        "refused": refused(),
        "registrations": registrations(),
        "refused_registrations": refused_registrations(),
    }


if __name__ == "__main__":
    write("webauthn", webauthn_file())

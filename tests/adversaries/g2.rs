//! G2: malicious signers against the coordinator's collection.
//!
//! Whatever they hand in, before, between and after the honest ones: the honest quorum finalizes, and
//! every bad signature is handed back with its place and reason, to whoever delivered it.

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::psbt::Psbt;
use coordinator::roles::extractor::extract;
use coordinator::roles::finalizer::finalize;
use coordinator::roles::issued::offer_again;
use coordinator::session::collection::Collection;
use policies::UnixTime;
use policies::psbt::read_intake;

use super::attempt::{Attempt, Case};
use super::draw::Draw;
use super::raw::{Maps, Pair, Version};
use super::signer::{Memory, countersigner};
use super::vault::{Kind, Vault};
use super::{Found, Settings, World, node};
use crate::Failure;

const FULL: u64 = 100_000;
const GATE: u64 = 400;
/// One case in so many is shown to the node.
const NODE_EVERY: u64 = 50;

/// A kind of bad signature.
#[derive(Debug, Clone, Copy)]
struct Bad {
    name: &'static str,
    /// The bytes in the place of the signature, from the good ones.
    spoil: fn(&mut Draw, &Material<'_>) -> Vec<u8>,
}

/// What a malicious signer has to work with.
#[derive(Debug)]
struct Material<'a> {
    good: &'a [u8],
    of_another_input: &'a [u8],
    of_another_signer: &'a [u8],
    of_another_transaction: &'a [u8],
    is_tr: bool,
}

const fn bad(name: &'static str, spoil: fn(&mut Draw, &Material<'_>) -> Vec<u8>) -> Bad {
    Bad { name, spoil }
}

fn with_sighash(good: &[u8], is_tr: bool, kind: u8) -> Vec<u8> {
    let mut bytes = good.to_vec();
    if !is_tr || bytes.len() > 64 {
        bytes.pop();
    }
    bytes.push(kind);
    bytes
}

/// A DER signature whose S is the other one of the curve.
fn high_s(good: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36,
        0x41, 0x41,
    ];
    let Ok(signature) = bitcoin::ecdsa::Signature::from_slice(good) else {
        return vec![0x30];
    };
    let mut compact = signature.signature.serialize_compact();
    let mut borrow = 0_i16;
    for place in (0..32).rev() {
        let difference = i16::from(ORDER[place]) - i16::from(compact[32 + place]) - borrow;
        borrow = i16::from(difference < 0);
        compact[32 + place] = difference.rem_euclid(256).to_le_bytes()[0];
    }
    bitcoin::secp256k1::ecdsa::Signature::from_compact(&compact).map_or_else(
        |_| vec![0x30],
        |high| {
            let mut bytes = high.serialize_der().to_vec();
            bytes.push(1);
            bytes
        },
    )
}

const BAD: [Bad; 20] = [
    bad("nothing", |_, _| Vec::new()),
    bad("one byte", |draw, _| vec![draw.byte()]),
    bad("zeros", |_, with| vec![0; with.good.len()]),
    bad("rubbish", |draw, with| {
        (0..with.good.len()).map(|_| draw.byte()).collect()
    }),
    bad("a bit flipped", |draw, with| {
        let mut bytes = with.good.to_vec();
        // Not in the last byte, which may be a sighash type: that is another kind.
        let at = draw.place(bytes.len() - 1);
        bytes[at] ^= 1 << draw.below(8);
        bytes
    }),
    bad("of another input", |_, with| with.of_another_input.to_vec()),
    bad("of another signer", |_, with| {
        with.of_another_signer.to_vec()
    }),
    bad("of another transaction", |_, with| {
        with.of_another_transaction.to_vec()
    }),
    bad("cut off", |draw, with| {
        with.good[..draw.place(with.good.len() - 1)].to_vec()
    }),
    bad("a byte too many", |draw, with| {
        let mut bytes = with.good.to_vec();
        bytes.extend([draw.byte() | 4, draw.byte()]);
        bytes
    }),
    bad("very long", |_, with| with.good.repeat(100)),
    bad("sighash NONE", |_, with| {
        with_sighash(with.good, with.is_tr, 2)
    }),
    bad("sighash SINGLE", |_, with| {
        with_sighash(with.good, with.is_tr, 3)
    }),
    bad("sighash ALL and anyone", |_, with| {
        with_sighash(with.good, with.is_tr, 0x81)
    }),
    bad("sighash NONE and anyone", |_, with| {
        with_sighash(with.good, with.is_tr, 0x82)
    }),
    bad("sighash SINGLE and anyone", |_, with| {
        with_sighash(with.good, with.is_tr, 0x83)
    }),
    bad("sighash of no meaning", |draw, with| {
        with_sighash(with.good, with.is_tr, draw.byte() | 0x44)
    }),
    // Taproot: DEFAULT written out, and ALL for a signature of DEFAULT; ECDSA: the other S, BER.
    bad("the other encoding", |_, with| {
        if with.is_tr {
            with_sighash(with.good, true, 0)
        } else {
            high_s(with.good)
        }
    }),
    bad("the other whole sighash", |_, with| {
        with_sighash(with.good, with.is_tr, u8::from(with.is_tr))
    }),
    bad("padded", |_, with| {
        let mut bytes = with.good.to_vec();
        if !with.is_tr {
            bytes[1] = bytes[1].wrapping_add(1);
            bytes[3] = bytes[3].wrapping_add(1);
        }
        bytes.insert(4, 0);
        bytes
    }),
];

/// An attempt with what everybody signs for it.
#[derive(Debug)]
struct Base {
    attempt: Attempt,
    /// By signer: alice, bob, machine.
    signed: Vec<Psbt>,
    /// The same signers over another transaction of the same coins.
    of_another: Vec<Psbt>,
}

/// Positions of signatures in what a signer returned: input and record key.
fn places(maps: &Maps) -> Vec<(usize, Vec<u8>)> {
    let mut places = Vec::new();
    for (input, map) in maps.inputs.iter().enumerate() {
        for pair in map
            .iter()
            .filter(|pair| [0x02, 0x13, 0x14].contains(&pair.key[0]))
        {
            places.push((input, pair.key.clone()));
        }
    }
    places
}

fn value_of(maps: &Maps, input: usize, key: &[u8]) -> Option<Vec<u8>> {
    let pair = maps
        .inputs
        .get(input)?
        .iter()
        .find(|pair| pair.key == key)?;
    Some(pair.value.clone())
}

fn base(vault: &Vault, draw: Draw) -> Result<Base, Failure> {
    let mut case = Case::new(vault, Version::V0, draw);
    let attempt = case.attempt.clone();
    case.plan.fee += bitcoin::Amount::from_sat(1_000);
    case.rebuild();
    let sign = |attempt: &Attempt| -> Result<Vec<Psbt>, Failure> {
        ["alice", "bob", "machine"]
            .iter()
            .map(|who| {
                let mut signer = countersigner(vault, who, UnixTime::ZERO, Memory::default());
                let examined = signer.examine(&attempt.bytes(Version::V0), vault.now)?;
                Ok(signer.sign(examined)?.psbt)
            })
            .collect()
    };
    Ok(Base {
        signed: sign(&attempt)?,
        of_another: sign(&case.attempt)?,
        attempt,
    })
}

/// What sessions came to.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    finalized: u64,
    named: u64,
    /// Some of the final transactions, for the node.
    shown: Vec<String>,
    pub(super) complaints: Vec<String>,
}

/// Holds sessions over some bases, with every kind of bad signature in turn.
pub(super) fn hold(
    vaults: &[Vault],
    seed: u64,
    bases: u64,
    cases: u64,
) -> Result<Sessions, Failure> {
    let mut sessions = Sessions::default();
    let mut made: Vec<(usize, Base)> = Vec::new();
    for number in 0..bases {
        let place = usize::try_from(number).unwrap_or(0) % vaults.len();
        let draw = Draw::part(seed ^ 0x62, number);
        made.push((place, base(&vaults[place], draw)?));
    }
    for number in 0..cases {
        let mut draw = Draw::part(seed ^ 0x2, number);
        let kind = BAD[usize::try_from(number).unwrap_or(0) % BAD.len()];
        let (vault, base) = &made[draw.place(made.len())];
        let vault = &vaults[*vault];
        let complaint = match session(vault, base, kind, &mut draw) {
            Ok(session) => {
                sessions.finalized += 1;
                sessions.named += u64::from(session.culprit_named);
                if number % NODE_EVERY == 0 {
                    sessions.shown.push(session.transaction);
                }
                (!session.culprit_named).then(|| "not named".to_owned())
            }
            Err(failure) => Some(failure.to_string()),
        };
        sessions.complaints.extend(complaint.map(|complaint| {
            format!(
                "case {number}, {}, {}: {complaint}",
                vault.kind.name(),
                kind.name
            )
        }));
    }
    Ok(sessions)
}

pub(super) fn run(world: &World, settings: &Settings) -> Result<Found, Failure> {
    let cases = settings
        .cases
        .unwrap_or(if settings.full { FULL } else { GATE });
    let bases = if settings.full { 40 } else { 8 };
    let sessions = hold(&world.vaults, settings.seed, bases, cases)?;
    let mut complaints = sessions.complaints;
    let mut accepted = 0_usize;
    for transaction in &sessions.shown {
        accepted += usize::from(node::takes(&world.node, transaction)?);
    }
    let shown = sessions.shown.len();
    if accepted != shown {
        complaints.push(format!("the node took {accepted} of {shown}"));
    }
    Ok(Found {
        line: format!(
            "G2: {} kinds, {cases} cases, {} finalized by the honest quorum, {} culprits named, wrong={}; \
             the node took {accepted} of {shown}; seed {}",
            BAD.len(),
            sessions.finalized,
            sessions.named,
            cases - sessions.finalized,
            settings.seed
        ),
        complaints,
    })
}

struct Session {
    transaction: String,
    culprit_named: bool,
}

/// One collection: a malicious signer hands in before, between and after the honest ones.
fn session(vault: &Vault, base: &Base, kind: Bad, draw: &mut Draw) -> Result<Session, Failure> {
    // One key alone may spend where the key path is alice's; elsewhere two of three are honest.
    let alone = vault.kind == Kind::TrKeyLeaf;
    let culprit = if alone {
        1 + draw.place(2)
    } else {
        draw.place(3)
    };
    let honest: Vec<usize> = (0..3)
        .filter(|who| *who != culprit && (!alone || *who == 0))
        .collect();
    let issued = &base.attempt.issued;
    let signers = &vault.policy.signers;
    let descriptor = &vault.policy.descriptor;
    let mut collection = Collection::begin(issued.clone(), descriptor, signers);

    let mut maps = Maps::of(&base.signed[culprit], Version::V0);
    let own = places(&maps);
    let (input, key) = draw.one(&own).clone();
    let good = value_of(&maps, input, &key).unwrap_or_default();
    let (other_input, other_key) = own
        .iter()
        .find(|(other, _)| *other != input)
        .cloned()
        .unwrap_or((input, key.clone()));
    let another_signer = Maps::of(&base.signed[honest[0]], Version::V0);
    let of_signer = places(&another_signer)
        .into_iter()
        .find(|(other, _)| *other == input)
        .and_then(|(other, key)| value_of(&another_signer, other, &key))
        .unwrap_or_default();
    let another = Maps::of(&base.of_another[culprit], Version::V0);
    let of_transaction = places(&another)
        .first()
        .and_then(|(other, key)| value_of(&another, *other, key))
        .unwrap_or_default();
    let of_input = value_of(&maps, other_input, &other_key).unwrap_or_default();
    let spoiled = (kind.spoil)(
        draw,
        &Material {
            good: &good,
            of_another_input: &of_input,
            of_another_signer: &of_signer,
            of_another_transaction: &of_transaction,
            is_tr: vault.kind.is_tr(),
        },
    );
    if spoiled == good {
        return Err(Failure::new("the bad signature is the good one"));
    }
    // In its own place, or in the place of an honest signer.
    let place = if draw.coin() {
        key
    } else {
        let theirs = places(&another_signer);
        theirs
            .into_iter()
            .find(|(other, _)| *other == input)
            .map_or(key, |(_, key)| key)
    };
    let genuine = value_of(&another_signer, input, &place);
    let bad_map = &mut maps.inputs[input];
    bad_map.retain(|pair| pair.key != place);
    bad_map.push(Pair {
        key: place,
        value: spoiled.clone(),
    });
    bad_map.sort();
    // A good signature handed in by somebody else is a good signature.
    let is_bad = genuine.as_ref() != Some(&spoiled);

    let handed_in: Vec<Vec<u8>> = honest
        .iter()
        .map(|who| base.signed[*who].serialize())
        .collect();
    let when = draw.place(handed_in.len() + 1);
    let mut culprit_named = false;
    let mut take = |bytes: &[u8], is_bad: bool| -> Result<(), Failure> {
        let taken = collection.take(&read_intake(bytes)?)?;
        if is_bad {
            culprit_named |= taken.refused.iter().any(|bad| bad.input == input);
        } else if !taken.refused.is_empty() {
            return Err(Failure::new("an honest signature was refused"));
        }
        collection = taken.collection;
        Ok(())
    };
    for (number, bytes) in handed_in.iter().enumerate() {
        if number == when {
            take(&maps.encode(), true)?;
        }
        take(bytes, false)?;
    }
    if when == handed_in.len() {
        take(&maps.encode(), true)?;
    }
    if !collection.is_complete() {
        return Err(Failure::new("the honest quorum does not suffice"));
    }
    let offered: Vec<_> = collection
        .signatures()
        .iter()
        .map(|signature| offer_again(&signature))
        .collect();
    let finalized = finalize(issued, offered)?;
    let transaction = extract(issued, &finalized)?;
    Ok(Session {
        transaction: serialize_hex(&transaction),
        culprit_named: culprit_named || !is_bad,
    })
}

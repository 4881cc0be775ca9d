//! G2: malicious signers against the coordinator's collection.
//!
//! Whatever they hand in, before, between and after the honest ones: the honest quorum finalizes, and
//! every bad signature is handed back with its place and reason, to whoever delivered it.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::hashes::Hash as _;
use bitcoin::psbt::Psbt;
use bitcoin::{PublicKey, TapLeafHash, XOnlyPublicKey};
use coordinator::roles::extractor::extract;
use coordinator::roles::finalizer::finalize;
use coordinator::roles::issued::offer_again;
use coordinator::session::collection::Collection;
use policies::UnixTime;
use policies::psbt::{OfferedSlot, SignatureKey, read_intake};

use super::attempt::{Attempt, Case};
use super::draw::Draw;
use super::progress::Progress;
use super::raw::{Maps, Pair, Version};
use super::signer::{Memory, countersigner};
use super::vault::{Kind, Vault};
use super::{Found, Settings, World, node};
use crate::Failure;

const FULL: u64 = 100_000;
const GATE: u64 = 400;
/// How many threads hold sessions.
const THREADS: u64 = 2;
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
                Ok(signer.sign(examined, vault.now)?.psbt)
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
    /// Kinds of bad signature and the positions in which each was handed in.
    positions: BTreeSet<(usize, (usize, bool, usize))>,
    /// Some of the final transactions, for the node.
    shown: Vec<String>,
    pub(super) complaints: Vec<String>,
}

/// Attempts that everybody signed, each with the position of its vault.
type Bases = [(usize, Base)];

fn bases(vaults: &[Vault], seed: u64, count: u64) -> Result<Vec<(usize, Base)>, Failure> {
    (0..count)
        .map(|number| {
            let place = usize::try_from(number).unwrap_or(0) % vaults.len();
            let draw = Draw::part(seed ^ 0x62, number);
            Ok((place, base(&vaults[place], draw)?))
        })
        .collect()
}

/// Holds sessions over some bases, with every kind of bad signature in turn, on this thread: where bugs are planted.
#[cfg(feature = "planted")]
pub(super) fn hold(
    vaults: &[Vault],
    seed: u64,
    count: u64,
    cases: u64,
) -> Result<Sessions, Failure> {
    let made = bases(vaults, seed, count)?;
    let (next, progress) = (AtomicU64::new(0), Progress::begin("G2", cases));
    Ok(hold_alone(vaults, seed, &made, cases, (&next, &progress)))
}

/// Takes the next session until none is left.
fn hold_alone(
    vaults: &[Vault],
    seed: u64,
    made: &Bases,
    cases: u64,
    (next, progress): (&AtomicU64, &Progress),
) -> Sessions {
    let mut sessions = Sessions::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= cases {
            return sessions;
        }
        progress.step();
        let mut draw = Draw::part(seed ^ 0x2, number);
        let which = usize::try_from(number).unwrap_or(0) % BAD.len();
        let kind = BAD[which];
        let (vault, base) = &made[draw.place(made.len())];
        let vault = &vaults[*vault];
        let complaint = match session(vault, base, kind, &mut draw) {
            Ok(session) => {
                sessions.finalized += 1;
                sessions.positions.insert((which, session.position));
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
}

impl Sessions {
    fn add(&mut self, other: Self) {
        self.finalized += other.finalized;
        self.named += other.named;
        self.positions.extend(other.positions);
        self.shown.extend(other.shown);
        self.complaints.extend(other.complaints);
    }
}

pub(super) fn run(world: &World, settings: &Settings) -> Result<Found, Failure> {
    let cases = settings
        .cases
        .unwrap_or(if settings.full { FULL } else { GATE });
    let made = bases(
        &world.vaults,
        settings.seed,
        if settings.full { 40 } else { 8 },
    )?;
    let (next, progress) = (AtomicU64::new(0), Progress::begin("G2", cases));
    let (total, vaults, seed) = (
        Mutex::new(Sessions::default()),
        &world.vaults,
        settings.seed,
    );
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let counts = (&next, &progress);
                let sessions = hold_alone(vaults, seed, &made, cases, counts);
                let mut total = total.lock().expect("nobody panics while counting");
                total.add(sessions);
            });
        }
    });
    let sessions = total.into_inner().expect("nobody panics while counting");
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
            "G2: {} kinds in {} positions, {cases} cases, {} finalized by the honest quorum, {} culprits named, wrong={}; \
             the node took {accepted} of {shown}; seed {}",
            BAD.len(),
            sessions.positions.len(),
            sessions.finalized,
            sessions.named,
            cases - sessions.finalized,
            settings.seed
        ),
        complaints,
        notes: Vec::new(),
    })
}

/// What a record's key says whose signature it is.
fn slot_of(key: &[u8]) -> Option<OfferedSlot> {
    let place = match key.split_first()? {
        (0x02, key) => SignatureKey::Ecdsa(PublicKey::from_slice(key).ok()?),
        (0x13, []) => SignatureKey::TapKey,
        (0x14, rest) => {
            let (key, leaf) = rest.split_at_checked(32)?;
            let leaf = TapLeafHash::from_slice(leaf).ok()?;
            SignatureKey::TapLeaf(XOnlyPublicKey::from_slice(key).ok()?, leaf)
        }
        _ => return None,
    };
    Some(OfferedSlot::Place(place))
}

struct Session {
    transaction: String,
    culprit_named: bool,
    /// Where the bad signature was: input, whether in its maker's own place, and after how many others.
    position: (usize, bool, usize),
}

/// One collection: a malicious signer hands in before, between and after the honest ones.
fn session(vault: &Vault, base: &Base, kind: Bad, draw: &mut Draw) -> Result<Session, Failure> {
    // Two of three are honest; where alice's key path or a leaf of the others spends, whichever has no liar.
    let culprit = draw.place(3);
    let alone = vault.kind == Kind::TrKeyLeaf && culprit != 0;
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
    let own_place = draw.coin();
    let place = if own_place {
        key
    } else {
        let theirs = places(&another_signer);
        theirs
            .into_iter()
            .find(|(other, _)| *other == input)
            .map_or(key, |(_, key)| key)
    };
    let slot = slot_of(&place);
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
            // This delivery is at fault, by its one bad signature, and by no other.
            let bad = taken.refused.iter();
            culprit_named = bad
                .map(|bad| (bad.input, bad.slot.clone()))
                .eq(slot.clone().map(|slot| (input, slot)));
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
        position: (input, own_place, when),
    })
}

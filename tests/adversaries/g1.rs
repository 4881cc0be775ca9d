//! G1: mutated PSBTs against the signer.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bitcoin::psbt::Psbt;

use super::attempt::Case;
use super::draw::Draw;
use super::mutation::{Class, Expected, HONEST, classes};
use super::oracle::{Verdict, judge};
use super::progress::Progress;
use super::raw::Version;
use super::signer::{Answer, ask, naive};
use super::vault::Vault;
use super::{Found, Settings, World, node};
use crate::Failure;

/// Cases in full and in the gate.
const FULL: u64 = 100_000;
const GATE: u64 = 750;
/// One case in so many is honest, and one in so many of the refused ones is shown to the naive signer.
const HONEST_EVERY: u64 = 25;
/// Of each class, this part is as expected: 99.9 %.
const AS_EXPECTED_PER_MILLE: u64 = 999;
/// So many right signatures of each thread are shown to the node; every wrong one is.
const NODE_JUDGES: usize = 10_000;
/// How many threads attack.
const THREADS: u64 = 2;

/// What was counted of one class.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally {
    pub(super) cases: u64,
    pub(super) as_expected: u64,
    pub(super) wrong: u64,
    pub(super) panics: u64,
    first: Option<String>,
}

/// What was counted of all.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub(super) classes: BTreeMap<&'static str, Tally>,
    naive_signed: u64,
    naive_asked: u64,
    /// Signed cases, for the node to judge: the vault's position, the signatures, what the oracle says.
    signed: Vec<(usize, Psbt, bool)>,
    /// How many were signed, of which the node judges not all where they are very many.
    all_signed: u64,
}

pub(super) fn run(world: &World, settings: &Settings) -> Result<Found, Failure> {
    let cases = settings
        .cases
        .unwrap_or(if settings.full { FULL } else { GATE });
    let count = attack(&world.vaults, settings.seed, cases, &classes());
    let mut complaints = Vec::new();
    let mut accepted = 0;
    for (vault, signed, right) in &count.signed {
        let taken = node::accepts(&world.node, &world.vaults[*vault], signed)?;
        accepted += u64::from(taken);
        if taken != *right {
            complaints.push(format!(
                "the node {} {} of {}, the oracle says otherwise",
                if taken { "takes" } else { "refuses" },
                signed.unsigned_tx.compute_txid(),
                world.vaults[*vault].kind.name(),
            ));
        }
    }
    let sum = |of: fn(&Tally) -> u64| count.classes.values().map(of).sum::<u64>();
    let (cases, as_expected) = (sum(|tally| tally.cases), sum(|tally| tally.as_expected));
    let (wrong, panics) = (sum(|tally| tally.wrong), sum(|tally| tally.panics));
    for (name, tally) in &count.classes {
        let short = tally.as_expected * 1_000 < tally.cases * AS_EXPECTED_PER_MILLE;
        let honest = *name == HONEST.name && tally.as_expected != tally.cases;
        if short || honest || tally.wrong > 0 || tally.panics > 0 {
            complaints.push(format!(
                "{name}: {} of {} as expected, wrong={}, panics={}: {}",
                tally.as_expected,
                tally.cases,
                tally.wrong,
                tally.panics,
                tally.first.as_deref().unwrap_or("")
            ));
        }
    }
    let honest = count.classes.get(HONEST.name).cloned().unwrap_or_default();
    let versions: Vec<&str> = Version::READ
        .iter()
        .map(|version| match version {
            Version::V0 => "v0",
            Version::V2 => "v2",
        })
        .collect();
    Ok(Found {
        line: format!(
            "G1: {} classes, {cases} cases, {as_expected} as expected, wrong={wrong}, panics={panics}; \
             {} honest, {} signed; {} policies, {}; {} signed in all, the node took {accepted} of {} shown; \
             naive rust-bitcoin signs {} of {}; seed {}",
            count.classes.len().saturating_sub(1),
            honest.cases,
            honest.as_expected,
            world.vaults.len(),
            versions.join(" and "),
            count.all_signed,
            count.signed.len(),
            count.naive_signed,
            count.naive_asked,
            settings.seed
        ),
        complaints,
        notes: Vec::new(),
    })
}

/// Runs cases over classes, vaults and versions in turn.
pub(super) fn attack(vaults: &[Vault], seed: u64, cases: u64, classes: &[Class]) -> Count {
    let next = AtomicU64::new(0);
    let progress = Progress::begin("G1", cases);
    let total = Mutex::new(Count::default());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let count = attack_alone(vaults, seed, cases, classes, (&next, &progress));
                let mut total = total.lock().expect("nobody panics while counting");
                total.add(count);
            });
        }
    });
    total.into_inner().expect("nobody panics while counting")
}

/// The same on this thread: takes the next case until none is left.
pub(super) fn attack_alone(
    vaults: &[Vault],
    seed: u64,
    cases: u64,
    classes: &[Class],
    (next, progress): (&AtomicU64, &Progress),
) -> Count {
    let mut count = Count::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= cases {
            return count;
        }
        let vault = usize::try_from(number).unwrap_or(0) % vaults.len();
        let rest = number / u64::try_from(vaults.len()).unwrap_or(1);
        let versions = u64::try_from(Version::READ.len()).unwrap_or(1);
        let version = Version::READ[usize::try_from(rest % versions).unwrap_or(0)];
        let rest = rest / versions;
        let honest = rest % HONEST_EVERY == HONEST_EVERY - 1;
        progress.step();
        // A class that has nothing to lie about in this vault leaves its turn to the next.
        for step in 0..classes.len() {
            let place = usize::try_from(rest).unwrap_or(0).wrapping_add(step);
            let class = if honest {
                HONEST
            } else {
                classes[place % classes.len()]
            };
            let mut case = Case::new(&vaults[vault], version, Draw::part(seed, number));
            if let Some(expected) = (class.make)(&mut case) {
                count.take(vault, class.name, number, &case, expected);
                break;
            }
        }
    }
}

impl Count {
    fn take(
        &mut self,
        vault: usize,
        class: &'static str,
        number: u64,
        case: &Case<'_>,
        expected: Expected,
    ) {
        let answer = ask(case);
        let verdict = match &answer {
            Answer::Signed(signed) => Some(judge(signed, &case.truth)),
            Answer::Refused(_) | Answer::Panicked => None,
        };
        let as_expected = match (expected, &answer, &verdict) {
            (Expected::Refused(code), Answer::Refused(codes), _) => codes.contains(&code),
            (Expected::NothingWrong, Answer::Refused(_), _)
            | (
                Expected::NothingWrong,
                Answer::Signed(_),
                Some(Verdict::Right | Verdict::Worthless),
            )
            | (Expected::Signed, Answer::Signed(_), Some(Verdict::Right))
            | (Expected::Worthless, Answer::Signed(_), Some(Verdict::Worthless)) => true,
            (
                Expected::Refused(_)
                | Expected::NothingWrong
                | Expected::Signed
                | Expected::Worthless,
                Answer::Refused(_) | Answer::Signed(_) | Answer::Panicked,
                _,
            ) => false,
        };
        let tally = self.classes.entry(class).or_default();
        tally.cases += 1;
        tally.as_expected += u64::from(as_expected);
        tally.wrong += u64::from(matches!(verdict, Some(Verdict::Wrong(_))));
        tally.panics += u64::from(matches!(answer, Answer::Panicked));
        if !as_expected && tally.first.is_none() {
            let found = match &answer {
                Answer::Refused(codes) => codes.join(" "),
                Answer::Signed(_) => format!("signed, {verdict:?}"),
                Answer::Panicked => "panicked".to_owned(),
            };
            let kind = case.vault.kind.name();
            tally.first = Some(format!(
                "case {number}, {kind}, {:?}, {}: {expected:?}, but {found}",
                case.version, case.who
            ));
        }
        if class != HONEST.name
            && matches!(expected, Expected::Refused(_))
            && let Some(signed) = naive(case)
        {
            self.naive_asked += 1;
            self.naive_signed += u64::from(signed);
        }
        if let Answer::Signed(signed) = answer {
            let right = verdict == Some(Verdict::Right);
            self.all_signed += 1;
            if !right || self.signed.len() < NODE_JUDGES {
                self.signed.push((vault, *signed, right));
            }
        }
    }

    fn add(&mut self, other: Self) {
        for (class, tally) in other.classes {
            let sum = self.classes.entry(class).or_default();
            sum.cases += tally.cases;
            sum.as_expected += tally.as_expected;
            sum.wrong += tally.wrong;
            sum.panics += tally.panics;
            sum.first = sum.first.take().or(tally.first);
        }
        self.naive_asked += other.naive_asked;
        self.naive_signed += other.naive_signed;
        self.signed.extend(other.signed);
        self.all_signed += other.all_signed;
    }
}

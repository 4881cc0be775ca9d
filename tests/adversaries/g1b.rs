//! G1b: every bit flip and every truncation of honest PSBTs.

use std::sync::atomic::{AtomicU64, Ordering};

use super::attempt::Case;
use super::draw::Draw;
use super::oracle::{Verdict, judge};
use super::progress::Progress;
use super::raw::Version;
use super::signer::{Answer, ask, naive};
use super::vault::Vault;
use super::{Found, Settings, World};

/// Bases in full and in the gate.
const FULL: u64 = 50;
const GATE: u64 = 8;
/// In the gate, one bit and one length in so many.
const STRIDE: usize = 211;
/// The naive signer is asked about one flip in so many, where all are tried and in the gate: it takes many
/// times as long as a refusal.
const NAIVE_EVERY: usize = 256;
const NAIVE_EVERY_IN_GATE: usize = 16;
const THREADS: usize = 2;

#[derive(Debug, Default)]
struct Count {
    flips: AtomicU64,
    truncations: AtomicU64,
    signed: AtomicU64,
    wrong: AtomicU64,
    panics: AtomicU64,
    truncations_read: AtomicU64,
    naive_asked: AtomicU64,
    naive_signed: AtomicU64,
}

pub(super) fn run(world: &World, settings: &Settings) -> Found {
    let (bases, stride) = if settings.full {
        (FULL, 1)
    } else {
        (GATE, STRIDE)
    };
    let count = Count::default();
    let (next, vaults) = (AtomicU64::new(0), &world.vaults);
    let progress = Progress::begin("G1b", bases);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= bases {
                        break;
                    }
                    attack(vaults, settings.seed, number, stride, &count);
                    progress.step();
                }
            });
        }
    });
    let of = |number: &AtomicU64| number.load(Ordering::Relaxed);
    let (wrong, panics, read) = (
        of(&count.wrong),
        of(&count.panics),
        of(&count.truncations_read),
    );
    let mut complaints = Vec::new();
    if wrong + panics + read > 0 {
        complaints.push(format!(
            "wrong={wrong}, panics={panics}, truncations not refused: {read}"
        ));
    }
    Found {
        line: format!(
            "G1b: {bases} bases, {} bit flips, {} truncations, wrong={wrong}, panics={panics}; {} flips \
             were harmless and signed; naive rust-bitcoin signs {} of {} flips; seed {}",
            of(&count.flips),
            of(&count.truncations),
            of(&count.signed),
            of(&count.naive_signed),
            of(&count.naive_asked),
            settings.seed
        ),
        complaints,
        notes: Vec::new(),
    }
}

fn attack(vaults: &[Vault], seed: u64, number: u64, stride: usize, count: &Count) {
    let place = usize::try_from(number).unwrap_or(0);
    let vault = &vaults[place % vaults.len()];
    let version = Version::READ[place / vaults.len() % Version::READ.len()];
    let add = |to: &AtomicU64| to.fetch_add(1, Ordering::Relaxed);
    let mut case = Case::new(vault, version, Draw::part(seed ^ 0xb, number));
    let honest = case.bytes();
    let naive_every = if stride == 1 {
        NAIVE_EVERY
    } else {
        NAIVE_EVERY_IN_GATE
    };
    for bit in (place % stride..honest.len() * 8).step_by(stride) {
        let mut flipped = honest.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        case.hand_over(flipped);
        add(&count.flips);
        match ask(&case) {
            Answer::Refused(_) => {}
            Answer::Panicked => {
                add(&count.panics);
            }
            Answer::Signed(signed) => {
                let wrong = matches!(judge(&signed, &case.truth), Verdict::Wrong(_));
                add(if wrong { &count.wrong } else { &count.signed });
            }
        }
        if (bit / stride).is_multiple_of(naive_every)
            && let Some(signed) = naive(&case)
        {
            add(&count.naive_asked);
            if signed {
                add(&count.naive_signed);
            }
        }
    }
    for length in (0..honest.len()).step_by(stride.min(16)) {
        case.hand_over(honest[..length].to_vec());
        add(&count.truncations);
        match ask(&case) {
            Answer::Refused(_) => {}
            Answer::Panicked => {
                add(&count.panics);
            }
            Answer::Signed(_) => {
                add(&count.truncations_read);
            }
        }
    }
}

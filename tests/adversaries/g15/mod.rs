//! G15: bugs planted on purpose, one for each main defence, in this one build; each must be caught by the
//! smallest campaign that is there for it, and the same campaign must find nothing without the bug.
//!
//! Where a lost defence means that a wrong signature comes out, the oracle must say so, too.

mod traps;

use std::io;
use std::sync::atomic::AtomicU64;

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, Txid, Witness};
use coordinator::roles::extractor::extract;
use coordinator::roles::finalizer::Finalized;
use coordinator::session::BatchId;
use coordinator::session::attempt::{AttemptEvent, AttemptState};
use coordinator::session::withdrawal::{WithdrawalEvent, WithdrawalState};
use policies::intent::{Go, StatementNonce, Stop};
use policies::journal::{Seen, may_void};
use policies::planted::{Bug, plant, which};
use policies::rules::{Said, may_go};
use policies::witness::{AllowedPaths, WitnessChecker};
use policies::{Approval, History, Statement, UnixTime};
use signer::journal_file::AppendLog;
use watchtower::ledger::{Account, Posting};

use self::traps::{Cost, Trap, trap};
use super::attempt::Case;
use super::draw::Draw;
use super::mutation::{Class, classes};
use super::progress::Progress;
use super::raw::Version;
use super::signer::countersigner;
use super::vault::{Vault, secret};
use super::{Found, Settings, World, g1, g2, g2a, g3, g4, g14};
use crate::Failure;

/// Cases of G1 for each bug: every vault in both versions, twice.
const CASES: u64 = 16;
/// Sessions of G2 for each bug: every kind over every vault.
const SESSIONS: u64 = 80;

/// What a campaign noticed.
#[derive(Debug, Clone, Copy, Default)]
struct Noticed {
    anything: bool,
    wrong: bool,
}

/// A disk on which nothing survives.
#[derive(Debug)]
struct FailingDisk;

impl AppendLog for FailingDisk {
    fn append_durably(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Err(io::Error::other("the disk is full"))
    }
}

pub(super) fn run(world: &World, settings: &Settings) -> Result<Found, Failure> {
    let (part, parts) = settings.part;
    let bugs = Bug::ALL.iter().copied();
    // Those that the rule-book's own tests plant and catch need no campaign.
    let bugs = bugs.filter(|bug| !matches!(trap(*bug).0, Trap::Units));
    let bugs = bugs.skip(part).step_by(parts.max(1));
    let mut complaints = Vec::new();
    let (mut planted, mut caught, mut wrong, mut must_be_wrong) = (0, 0, 0, 0);
    for bug in bugs {
        planted += 1;
        let (trap, cost) = trap(bug);
        if springs(world, settings.seed, trap)?.anything {
            complaints.push(format!("{bug:?}: {trap:?} complains without the bug"));
        }
        plant(Some(bug));
        let noticed = springs(world, settings.seed, trap);
        plant(None);
        let noticed = noticed?;
        if noticed.anything {
            caught += 1;
        } else {
            complaints.push(format!("{bug:?}: {trap:?} does not notice it"));
        }
        let costs = cost == Cost::WrongSignature;
        must_be_wrong += u64::from(costs);
        wrong += u64::from(noticed.wrong);
        if costs != noticed.wrong {
            complaints.push(format!(
                "{bug:?}: wrong signatures are expected: {costs}, found: {}",
                noticed.wrong
            ));
        }
    }
    Ok(Found {
        line: format!(
            "G15: {planted} planted, {caught} caught; {wrong} of {must_be_wrong} that must give wrong \
             signatures do; seed {}",
            settings.seed
        ),
        complaints,
        notes: Vec::new(),
    })
}

/// What a campaign notices.
fn springs(world: &World, seed: u64, trap: Trap) -> Result<Noticed, Failure> {
    let only = |anything: bool| Noticed {
        anything,
        wrong: false,
    };
    match trap {
        Trap::Units => Ok(Noticed::default()),
        Trap::Classes(names) => {
            let chosen: Vec<Class> = classes()
                .into_iter()
                .filter(|class| names.contains(&class.name))
                .collect();
            if chosen.len() != names.len() {
                return Err(Failure::new(format!("no classes {names:?}")));
            }
            let (next, progress) = (AtomicU64::new(0), Progress::begin("G1", CASES));
            let count = g1::attack_alone(&world.vaults, seed, CASES, &chosen, (&next, &progress));
            Ok(Noticed {
                anything: (count.classes.values()).any(|tally| tally.as_expected < tally.cases),
                wrong: (count.classes.values()).any(|tally| tally.wrong > 0),
            })
        }
        Trap::Attacks(names) => {
            let mut noticed = Noticed::default();
            let attacks = g2a::attacks();
            for name in names {
                let attack = attacks.iter().find(|attack| attack.name == *name);
                let attack = attack.ok_or_else(|| Failure::new(format!("no attack {name}")))?;
                let tried = g2a::attempt(world, attack);
                noticed.anything |= !tried.complaints.is_empty();
                noticed.wrong |= tried.wrong > 0;
            }
            Ok(noticed)
        }
        Trap::Sessions => {
            let vaults = u64::try_from(world.vaults.len())?;
            let sessions = g2::hold(&world.vaults, seed, vaults, SESSIONS)?;
            Ok(only(!sessions.complaints.is_empty()))
        }
        Trap::Disk => {
            let vault = &world.vaults[0];
            let case = Case::new(vault, Version::V0, Draw::new(seed));
            let mut signer = countersigner(vault, case.who, UnixTime::ZERO, FailingDisk);
            let examined = signer.examine(&case.bytes(), case.now)?;
            Ok(only(signer.sign(examined, case.now).is_ok()))
        }
        Trap::Witness => {
            let taken = world.vaults.iter().map(takes_rubbish);
            Ok(only(taken.collect::<Vec<_>>().contains(&true)))
        }
        Trap::Promises => Ok(only(promises_give_way(&world.vaults[0])?)),
        Trap::Model => Ok(only(g14::finds_a_violation())),
        Trap::Kill => Ok(only(g3::loses_something(which())?)),
        Trap::Chain => Ok(only(g4::notices(which())?)),
        Trap::Books => Ok(only(books_give_way(&world.vaults[0]))),
    }
}

/// Whether the coordinator's roles take a witness of rubbish.
fn takes_rubbish(vault: &Vault) -> bool {
    let issued = Case::new(vault, Version::V0, Draw::new(1)).attempt.issued;
    let rubbish = Witness::from_slice(&[[7; 64]]);
    let mut checker = WitnessChecker::new(
        issued.unsigned(),
        issued.previous_outputs(),
        AllowedPaths::WithRecovery,
    );
    let finalized = Finalized {
        witnesses: vec![rubbish.clone(); issued.unsigned().input.len()],
        set_aside: Vec::new(),
    };
    checker.check(0, &rubbish).is_ok() || extract(&issued, &finalized).is_ok()
}

/// Whether an old go counts, or what was signed is promised never to be.
fn promises_give_way(vault: &Vault) -> Result<bool, Failure> {
    let under = vault.under(|text| {
        format!("{text}\n[go]\napprovals = {{ group = \"ops\", count = 1 }}\nwithin = \"12h\"\n")
    })?;
    let (policy, now) = (&under.policy, under.now);
    let go = |created: UnixTime| {
        let nonce = StatementNonce::from_bytes([2; 16]);
        let statement = Statement::Go(Go { created, nonce });
        let (purpose, subject) = (statement.purpose(), statement.subject());
        let until = now.saturating_add(86_400);
        let approval = Approval::sign(&secret("dana"), purpose, policy.vault, subject, until);
        let approvals = vec![approval];
        vec![Said {
            statement,
            approvals,
        }]
    };
    let none = History::none();
    may_go(policy, &go(now), &none, now)?;
    let old = go(now.saturating_sub(12 * 3_600));
    let case = Case::new(vault, Version::V0, Draw::new(1));
    let psbt = policies::psbt::read_strict(&case.bytes())?;
    let reviewed = policies::review::review(&psbt, &vault.policy, &none, case.now);
    let reviewed = reviewed.map_err(|_| Failure::new("an honest transfer is refused"))?;
    let mut history = History::begin(UnixTime::ZERO);
    may_void(&history, reviewed.txid)?;
    history.record(reviewed.signed_transaction(case.now));
    let void = may_void(&history, reviewed.txid);
    let mut stopped = History::none();
    let halt = Stop {
        created: now,
        nonce: StatementNonce::from_bytes([3; 16]),
        reason: "a drill".to_owned(),
    };
    stopped.see(&Seen::stop(&halt, secret("dana").public().id(), now));
    let ahead = go(now.saturating_add(policy.limits.clock_skew));
    let early = may_go(policy, &ahead, &stopped, now).is_ok();
    Ok(may_go(policy, &old, &none, now).is_ok() || early || void.is_ok())
}

/// Whether the books drop an issued attempt, cancel a withdrawal in signing, or keep what they took back.
fn books_give_way(vault: &Vault) -> bool {
    let txid = Txid::from_byte_array([7; 32]);
    let signing = WithdrawalState::Signing {
        batch: BatchId::from_bytes([7; 16]),
        txid,
    };
    let posting = Posting {
        vault: vault.policy.vault,
        cause: "confirmed".to_owned(),
        debit: Account::Coins,
        credit: Account::DepositsPending,
        amount: Amount::ONE_BTC,
    };
    let reversed = posting.clone().reversed();
    let takes_back = reversed.debit == posting.credit && reversed.credit == posting.debit;
    AttemptState::Issued.apply(&AttemptEvent::Dropped).is_ok()
        || signing.apply(&WithdrawalEvent::Cancelled).is_ok()
        || !takes_back
}

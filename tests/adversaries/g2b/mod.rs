//! G2b: a coordinator that lies as it likes to real signer processes, remembers all that they ever signed, and
//! chooses its next lie from random bytes; one signer loses its journal on the way.
//!
//! Whatever it does: no transaction can be completed but of approved withdrawals and change, and no two that pay
//! one withdrawal and that one chain could hold.

mod coordinator;
mod crew;
mod lies;
mod pool;

use self::crew::Crew;
use self::lies::{Past, Session};
use self::pool::{Counts, Pool};
use super::draw::Draw;
use super::progress::Progress;
use super::vault::{Kind, Vault};
use super::{Found, Settings, World};
use crate::{Bitcoind, Failure, now};

const FULL: u64 = 2_000;
const GATE: u64 = 24;
/// Sessions that one crew goes through, with one journal lost in one of them.
const FULL_CREW: u64 = 50;
const GATE_CREW: u64 = 8;
/// Sessions with signers that forget all that they signed, which must be caught; so many rounds they remember.
const CONTROL: u64 = 20;
const REMEMBERED: u64 = 3;
/// One crew in so many has a signer that signs by a program of its own for each transfer.
const BY_HAND_EVERY: u64 = 5;
/// What crews came to.
#[derive(Debug, Default)]
struct Total {
    counts: Counts,
    crews: u64,
    offers: u64,
    restored: u64,
}

pub(super) fn run(world: &World, settings: &Settings) -> Result<Found, Failure> {
    let sessions = settings
        .cases
        .unwrap_or(if settings.full { FULL } else { GATE });
    let each = if settings.full { FULL_CREW } else { GATE_CREW };
    let crews = sessions.div_ceil(each);
    let vaults = Vault::all(&world.node, &[Kind::Wsh, Kind::WshFour])?;
    let progress = Progress::begin("G2b", sessions);
    let mut total = Total::default();
    for number in 0..crews {
        let vault = &vaults[usize::from(number % 2 == 1)];
        let crew = (number, each.min(sessions - number * each));
        let found = work(&world.node, vault, settings.seed, crew, false)?;
        for _ in 0..crew.1 {
            progress.step();
        }
        total.add(found);
    }
    // Signers that forget what they signed must be caught, or nothing is shown.
    let forgetful = work(
        &world.node,
        &vaults[0],
        settings.seed,
        (crews, CONTROL),
        true,
    )?;
    let counts = total.counts;
    let mut complaints = counts.complaints;
    if counts.accepted == 0 || counts.pairs == 0 {
        complaints.push("nothing was completed, so that nothing was shown".to_owned());
    }
    let caught = forgetful.counts.twice;
    if caught == 0 {
        complaints.push("signers that forget are not caught".to_owned());
    }
    Ok(Found {
        line: format!(
            "G2b: {sessions} sessions with {} crews of 2-of-3 and of 3-of-4 with a dishonest one, {} offers, {} signed, \
             {} journals lost; {} transactions signed by some, {} complete, {} taken by Core, {} thefts of signatures \
             tried; {} pairs pay one withdrawal ({} shown to Core), unapproved={}, payable twice={}; by signers that \
             forget, {caught} payable twice; seed {}",
            total.crews,
            total.offers,
            counts.signed,
            total.restored,
            counts.transactions,
            counts.complete,
            counts.accepted,
            counts.moved,
            counts.pairs,
            counts.shown,
            counts.wrong,
            counts.twice,
            settings.seed
        ),
        complaints,
        notes: Vec::new(),
    })
}

/// One crew goes through its sessions; if it forgets, two of its signers lose their journals again and
/// again and know nothing of it, until that is caught.
fn work(
    node: &Bitcoind,
    vault: &Vault,
    seed: u64,
    (number, sessions): (u64, u64),
    forgets: bool,
) -> Result<Total, Failure> {
    let mut draw = Draw::part(seed ^ 0x2b, number);
    let mut crew = Crew::enrol(vault, number % BY_HAND_EVERY == 2)?;
    let mut pool = Pool::new(vault);
    let (mut past, mut offers) = (Past::default(), 0);
    // In the middle of a session, so that what it signed before is asked for again.
    let loses = draw.from_to(sessions / 2, sessions - 1);
    for session in 0..sessions {
        let mut vault = vault.clone();
        vault.now = now();
        let name = format!("g{number}-s{session}");
        let mut lies = Session::begin(&vault, &name, Draw::part(draw.word(), session));
        for asked in lies.asked() {
            pool.approve(asked.output());
        }
        let rounds = if forgets {
            4 * REMEMBERED
        } else {
            draw.from_to(4, 8)
        };
        for round in 0..rounds {
            if forgets && round % REMEMBERED == REMEMBERED - 1 {
                for name in ["alice", "bob"] {
                    crew.restore_empty(&vault, name, true)?;
                }
            } else if !forgets && session == loses && round == rounds / 2 {
                crew.restore_empty(&vault, "bob", false)?;
            }
            let offered = lies.round(&pool, &mut past);
            offers += offered.values().map(Vec::len).sum::<usize>();
            pool.know(lies.coins());
            for (name, bytes) in crew.ask(offered)? {
                pool.take(&vault, &name, &bytes)?;
            }
        }
        pool.judge(node, &vault)?;
        if forgets && pool.counts.twice > 0 {
            break;
        }
    }
    Ok(Total {
        counts: pool.counts,
        crews: 1,
        offers: u64::try_from(offers)?,
        restored: 1,
    })
}

impl Total {
    fn add(&mut self, other: Self) {
        self.counts.add(other.counts);
        self.crews += other.crews;
        self.offers += other.offers;
        self.restored += other.restored;
    }
}

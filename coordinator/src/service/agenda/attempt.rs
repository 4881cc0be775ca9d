//! The line of one attempt: who still could complete it, whether it is stuck, who is asked to void it.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{FeeRate, Txid};
use policies::document::format_sat_per_vb;
use policies::{UnixTime, VaultId};

use super::asking::{Eyes, Spread};
use super::line::{AgendaKind, AgendaLine};
use super::words::{and, has, is, or};

/// Seconds after which a transaction that the mempool holds below the estimate is called stuck.
const STUCK_BELOW: u64 = 3_600;
/// Seconds after which one that the mempool holds is called stuck whatever it pays.
const STUCK_AFTER: u64 = 6 * 3_600;
/// Seconds after which one that no node took is called stuck.
const UNTAKEN: u64 = 600;

/// An attempt that is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) vault: VaultId,
    pub(super) txid: Txid,
    pub(super) since: UnixTime,
    pub(super) stands: Stands,
}

/// What an attempt waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stands {
    /// Signatures.
    Signatures(Signers),
    /// Signers who promise never to sign it.
    Void(Signers),
    /// A cancellation is to take its place.
    Cancelled {
        /// The cancellation.
        by: Txid,
    },
    /// All signatures are there; what the node said when it was asked, if it would not take it.
    Complete {
        /// The node's words.
        refused: Option<String>,
    },
    /// It was handed over to the node.
    Sent(Sent),
    /// It is in a block.
    Confirmed {
        /// The block's height.
        height: u32,
    },
}

/// Who has signed (or voided) an attempt, and who still could.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Signers {
    /// Those who have.
    pub(super) done: Vec<String>,
    /// The sets of those who have not, of which any one is enough.
    pub(super) ways: Vec<BTreeSet<String>>,
    /// Signers who are lost or stolen.
    pub(super) lost: BTreeSet<String>,
    /// Signers who are away, by their mark.
    pub(super) away: BTreeSet<String>,
    /// Whose each signer is.
    pub(super) person_of: BTreeMap<String, String>,
}

/// A transaction that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    /// When.
    pub(super) at: UnixTime,
    /// Whether a mempool has it.
    pub(super) in_mempool: bool,
    /// What it pays.
    pub(super) feerate: FeeRate,
    /// What a node asks for now.
    pub(super) estimate: Option<FeeRate>,
    /// What the node said when it did not take it.
    pub(super) refused: Option<String>,
}

impl Sent {
    /// Whether somebody should look after it.
    pub(super) fn is_stuck(&self, now: UnixTime) -> bool {
        let waited = now.secs_since(self.at);
        if !self.in_mempool {
            return waited >= UNTAKEN;
        }
        let below = self
            .estimate
            .is_some_and(|estimate| estimate > self.feerate);
        waited >= STUCK_AFTER || (below && waited >= STUCK_BELOW)
    }
}

/// The line of one.
pub(super) fn line(open: &Open, eyes: &Eyes<'_>) -> AgendaLine {
    let (kind, spread, what, todo) = match &open.stands {
        Stands::Signatures(signers) => {
            let (spread, what, todo) = wanted(signers, eyes, &SIGNATURES);
            (AgendaKind::Signatures, spread, what, todo)
        }
        Stands::Void(signers) => {
            let (spread, what, todo) = wanted(signers, eyes, &VOIDS);
            (AgendaKind::Void, spread, what, todo)
        }
        Stands::Cancelled { by } => (
            AgendaKind::Signatures,
            Spread::nobody(),
            format!("The cancellation {by} is to take its place."),
            "Nothing here: sign the cancellation.".to_owned(),
        ),
        Stands::Complete { refused: None } => (
            AgendaKind::Broadcast,
            Spread::nobody(),
            "All signatures are there. It is about to be broadcast.".to_owned(),
            "Nothing: it is broadcast by itself.".to_owned(),
        ),
        Stands::Complete {
            refused: Some(reason),
        } => (
            AgendaKind::Broadcast,
            Spread::operator(eyes),
            format!("All signatures are there. The node would not take it: {reason}."),
            "Replace it, or cancel it on the chain.".to_owned(),
        ),
        Stands::Sent(sent) => {
            let (spread, what, todo) = on_its_way(sent, eyes);
            (AgendaKind::Broadcast, spread, what, todo)
        }
        Stands::Confirmed { height } => (
            AgendaKind::Broadcast,
            Spread::nobody(),
            format!("It is in the block at height {height}, and settles at the vault's depth."),
            "Nothing: it settles by itself.".to_owned(),
        ),
    };
    AgendaLine {
        kind,
        vault: Some(open.vault),
        title: format!("Attempt {}", short(open.txid)),
        href: format!("/attempts/{}", open.txid),
        amount: None,
        what,
        mine: spread.mine,
        on: spread.on,
        others: spread.others,
        since: open.since,
        todo,
    }
}

/// First and last digits.
fn short(txid: Txid) -> String {
    let text = txid.to_string();
    format!(
        "{}…{}",
        text.get(..8).unwrap_or_default(),
        text.get(56..).unwrap_or_default()
    )
}

fn on_its_way(sent: &Sent, eyes: &Eyes<'_>) -> (Spread, String, String) {
    let paid = format_sat_per_vb(sent.feerate);
    if !sent.is_stuck(eyes.now) {
        let what = if sent.in_mempool {
            format!("It is in the mempool at {paid} sat/vB, and waits for a block.")
        } else {
            "It was handed to the node, and waits to be seen in a mempool.".to_owned()
        };
        let todo = "Nothing: it is sent again until the chain shows it.".to_owned();
        return (Spread::nobody(), what, todo);
    }
    let what = match (sent.in_mempool, &sent.refused, sent.estimate) {
        (false, Some(reason), _) => format!("No node has it. The node said: {reason}."),
        (false, None, _) => "No node has it yet.".to_owned(),
        (true, _, Some(estimate)) if estimate > sent.feerate => format!(
            "It is stuck in the mempool: it pays {paid} sat/vB, and the estimate is {} sat/vB.",
            format_sat_per_vb(estimate)
        ),
        (true, _, _) => format!("It waits long in the mempool, at {paid} sat/vB."),
    };
    let todo = "Replace it at a higher feerate, or wait.".to_owned();
    (Spread::operator(eyes), what, todo)
}

/// The words of what signers are asked for.
struct Wanted {
    one: &'static str,
    many: &'static str,
    have: &'static str,
    todo_mine: &'static str,
    completes: &'static str,
}

const SIGNATURES: Wanted = Wanted {
    one: "signature",
    many: "signatures",
    have: "signed",
    todo_mine: "Review it with your own signer, and sign it",
    completes: "completes it",
};

const VOIDS: Wanted = Wanted {
    one: "void",
    many: "voids",
    have: "voided it",
    todo_mine: "Void it with your own signer",
    completes: "drops it",
};

fn wanted(signers: &Signers, eyes: &Eyes<'_>, words: &Wanted) -> (Spread, String, String) {
    let is_away = |name: &String| {
        let person = signers.person_of.get(name);
        signers.away.contains(name)
            || person.is_some_and(|person| eyes.absent.contains(person) && person != eyes.person)
    };
    let usable: Vec<&BTreeSet<String>> = (signers.ways.iter())
        .filter(|way| way.is_disjoint(&signers.lost))
        .collect();
    let present: Vec<&BTreeSet<String>> = (usable.iter().copied())
        .filter(|way| !way.iter().any(is_away))
        .collect();
    let done = if signers.done.is_empty() {
        String::new()
    } else {
        let (who, has) = (and(&signers.done), has(signers.done.len()));
        format!(" {who} {has} {}.", words.have)
    };
    let is_mine = |name: &&String| {
        signers
            .person_of
            .get(*name)
            .is_some_and(|who| who == eyes.person)
    };
    let gone = gone(signers, is_away);
    if usable.is_empty() {
        let what = format!(
            "The signers that are left cannot give the {} that it needs.{done}{gone}",
            words.many
        );
        let todo = "See on the signers' page who can still spend, and what to do first.".to_owned();
        return (Spread::operator(eyes), what, todo);
    }
    let best = fewest(if present.is_empty() {
        &usable
    } else {
        &present
    });
    let on: BTreeSet<String> = best.iter().flat_map(|way| way.iter().cloned()).collect();
    let elsewhere = usable.iter().flat_map(|way| way.iter());
    let others: BTreeSet<String> = elsewhere
        .filter(|name| !on.contains(*name))
        .cloned()
        .collect();
    let number = best.first().map_or(0, |way| way.len());
    let count = if number == 1 { words.one } else { words.many };
    let list = alternatives(&best, &signers.person_of);
    let mut what = format!("Waits for {number} more {count}: {list}.{done}{gone}");
    if present.is_empty() {
        what += " Nobody who is here can complete it.";
    }
    let mine: Vec<&String> = on.iter().filter(is_mine).collect();
    let single = number == 1 && on.len() > 1;
    let either = if on.len() == 2 { "either" } else { "any one" };
    let todo = match (mine.is_empty(), single) {
        (false, true) => format!(
            "{}: yours {}, and so would that of {}.",
            words.todo_mine,
            words.completes,
            or(&on.iter().filter(|name| !is_mine(name)).collect::<Vec<_>>())
        ),
        (false, false) => format!("{}.", words.todo_mine),
        (true, true) => format!("Ask {list}: {either} {} {}.", words.one, words.completes),
        (true, false) => format!("Ask {list}."),
    };
    let spread = Spread {
        mine: !mine.is_empty(),
        on: on.into_iter().collect(),
        others: others.into_iter().collect(),
        away: String::new(),
    };
    (spread, what, todo)
}

/// Which of the signers that could matter are gone.
fn gone(signers: &Signers, is_away: impl Fn(&String) -> bool) -> String {
    let asked: BTreeSet<&String> = signers.ways.iter().flatten().collect();
    let lost: Vec<&String> = (asked.iter().copied())
        .filter(|name| signers.lost.contains(*name))
        .collect();
    let away: Vec<&String> = (asked.iter().copied())
        .filter(|name| !signers.lost.contains(*name) && is_away(name))
        .collect();
    let mut says = String::new();
    if !lost.is_empty() {
        says += &format!(" {} {} lost or stolen.", and(&lost), is(lost.len()));
    }
    if !away.is_empty() {
        says += &format!(" {} {} away.", and(&away), is(away.len()));
    }
    says
}

/// The ways with the fewest signers.
fn fewest<'w>(ways: &[&'w BTreeSet<String>]) -> Vec<&'w BTreeSet<String>> {
    let least = ways.iter().map(|way| way.len()).min().unwrap_or(0);
    let mut best: Vec<&BTreeSet<String>> = Vec::new();
    for way in ways.iter().copied().filter(|way| way.len() == least) {
        if !best.contains(&way) {
            best.push(way);
        }
    }
    best
}

/// `bob or carol`, `bob and carol`, `any 2 of bob, carol and dave`, or each way by its names.
fn alternatives(ways: &[&BTreeSet<String>], person_of: &BTreeMap<String, String>) -> String {
    let shown = |name: &String| match person_of.get(name) {
        Some(person) if person != name => format!("{name} ({person})"),
        Some(_) | None => name.clone(),
    };
    let all: BTreeSet<&String> = ways.iter().flat_map(|way| way.iter()).collect();
    let names: Vec<String> = all.iter().map(|name| shown(name)).collect();
    let each = ways.first().map_or(0, |way| way.len());
    if ways.len() == 1 {
        and(&names)
    } else if each == 1 {
        or(&names)
    } else if choices(names.len(), each) == Some(ways.len()) {
        format!("any {each} of {}", and(&names))
    } else {
        let each: Vec<String> = ways
            .iter()
            .map(|way| and(&way.iter().map(shown).collect::<Vec<_>>()))
            .collect();
        each.join(", or ")
    }
}

/// In how many ways so many are taken of these.
fn choices(of: usize, taken: usize) -> Option<usize> {
    (0..taken).try_fold(1_usize, |product, step| {
        let factor = of.checked_sub(step)?;
        product
            .checked_mul(factor)?
            .checked_div(step.checked_add(1)?)
    })
}

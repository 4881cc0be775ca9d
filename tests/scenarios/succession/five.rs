//! A treasury of five signers, whose seats go to new signers one after the other.

use bitcoin::{Address, Amount, Txid};
use harness::{
    Engine, Failure, LONG, Outcome, ScriptKind, SignerHome, Treasury, field, items, wait_until,
};
use policies::Policy;
use policies::descriptor::{NamedKey, compile};
use policies::document::{PolicyDraft, SelfSpendBudgetDraft, SignerDraft, SignerKey};
use policies::succession::line;
use serde_json::json;

use super::{after, approved, changes, parsed, text};

/// Three of five, and a recovery key after three months.
const THREE_OF_FIVE: &str = "or(99@thresh(3,pk(alice),pk(bob),pk(machine),pk(carol),pk(dave)),\
    1@and(pk(recovery),older(12960)))";
/// The signers in the order in which they are replaced.
pub(super) const CREW: [&str; 5] = ["alice", "bob", "machine", "carol", "dave"];

/// A treasury of five signers, whose policy is at some version.
pub(super) struct Five {
    pub(super) treasury: Treasury,
    kind: ScriptKind,
    draft: PolicyDraft,
    /// The versions so far, each read alone.
    pub(super) versions: Vec<Policy>,
    /// The signers of the newest version, in the order of [`CREW`].
    pub(super) crew: Vec<SignerHome>,
    /// Those who were replaced, who still bring their coins home.
    pub(super) left: Vec<SignerHome>,
}

fn with_descriptor(draft: &mut PolicyDraft, kind: ScriptKind) -> Outcome {
    let keys = draft.signers.iter().map(|signer| {
        Ok(NamedKey {
            name: signer.name.clone(),
            key: signer.key.parse::<SignerKey>()?.position(),
        })
    });
    let keys = keys.collect::<Result<Vec<_>, Failure>>()?;
    draft.spending.policy = Some(THREE_OF_FIVE.to_owned());
    draft.spending.descriptor = compile(THREE_OF_FIVE, kind, &keys)?;
    Ok(())
}

fn of_five(
    draft: &mut PolicyDraft,
    kind: ScriptKind,
    more: [SignerDraft; 2],
) -> Result<PolicyDraft, Failure> {
    draft.signers.extend(more);
    with_descriptor(draft, kind)?;
    changes(draft, "1s");
    "1s".clone_into(&mut draft.limits.clock_skew);
    draft.limits.self_spend_budget = Some(SelfSpendBudgetDraft {
        sat: 1_000_000,
        count: 100,
        window: "24h".to_owned(),
    });
    Ok(draft.clone())
}

impl Five {
    pub(super) fn start(kind: ScriptKind, engine: Engine) -> Result<Self, Failure> {
        let (carol, dave) = (SignerHome::new("carol")?, SignerHome::new("dave")?);
        let more = [carol.make_signer()?, dave.make_signer()?];
        let mut made = None;
        let mut treasury = Treasury::start_edited(kind, engine, |draft| {
            made = Some(of_five(draft, kind, more));
        })?;
        let draft = made.ok_or_else(|| Failure::new("no draft"))??;
        let policy = treasury.people.policy.clone();
        for home in [&carol, &dave] {
            home.pin(&policy.bytes, policy.id)?;
        }
        let mut crew = Vec::new();
        let people = &mut treasury.people;
        for home in [&mut people.alice, &mut people.bob, &mut people.machine] {
            crew.push(std::mem::replace(home, SignerHome::new("nobody")?));
        }
        crew.extend([carol, dave]);
        Ok(Self {
            treasury,
            kind,
            draft,
            versions: vec![policy],
            crew,
            left: Vec::new(),
        })
    }

    /// A withdrawal in a batch of its own; its attempt.
    pub(super) fn batched(&self, id: &str, to: &Address, sat: u64) -> Result<Txid, Failure> {
        self.treasury.withdraw(id, to, Amount::from_sat(sat))?;
        self.treasury.batch()
    }

    pub(super) fn sign<'a>(
        &self,
        by: impl IntoIterator<Item = &'a SignerHome>,
        txid: Txid,
    ) -> Outcome {
        for home in by {
            self.treasury.countersign(home, txid)?;
        }
        Ok(())
    }

    /// Three of the crew, without the one in this seat.
    pub(super) fn three_without(&self, seat: usize) -> impl Iterator<Item = &SignerHome> {
        let others = self.crew.iter().enumerate();
        others
            .filter(move |(other, _)| *other != seat)
            .map(|(_, home)| home)
            .take(3)
    }

    /// Gives one seat to a new signer: approved, put in force at the coordinator, pinned by everybody.
    pub(super) fn replace(&mut self, seat: usize) -> Outcome {
        let new = SignerHome::new(CREW[seat])?;
        let record = new.make_signer()?;
        let previous = self
            .versions
            .last()
            .ok_or_else(|| Failure::new("no version"))?;
        let mut next = after(&self.draft, previous);
        next.keyset = None;
        for signer in next.signers.iter_mut().filter(|one| one.name == CREW[seat]) {
            *signer = record.clone();
        }
        with_descriptor(&mut next, self.kind)?;
        let policy = parsed(&next)?;
        let id = policy.id.to_string();
        let file = approved(&self.treasury, &format!("v{}", policy.version), &policy)?;
        let propose = ["policy", "propose", text(&file)?];
        let proposed = self.treasury.command_line(&propose)?.done()?.json()?;
        assert_eq!(proposed["step"], "keyset", "{proposed}");
        assert_eq!(proposed["leaving"], json!([CREW[seat]]));
        let adopt = ["policy", "adopt", &id];
        wait_until("the delay at the coordinator to be over", LONG, || {
            Ok(self.treasury.command_line(&adopt)?.done().ok())
        })?;
        let stays = ["policy", "pin", text(&file)?, "--id", &id];
        let leaves = [&stays[..], &["--leaving"]].concat();
        let recovery = &self.treasury.people.recovery;
        let dana = &self.treasury.people.dana;
        let crew = self.crew.iter().enumerate();
        let homes = crew
            .map(|(place, home)| (home, place == seat))
            .chain(self.left.iter().map(|home| (home, false)))
            .chain([(recovery, false), (dana, false)]);
        for (home, leaving) in homes {
            // Who leaves says so, or nothing is pinned.
            let pin = if leaving {
                assert_ne!(home.run(&stays)?.code, 0);
                &leaves[..]
            } else {
                &stays[..]
            };
            wait_until("the delay at a signer to be over", LONG, || {
                Ok(home.run(pin)?.done().ok())
            })?;
        }
        // The new signer pins the whole line.
        let document = new.bring("policy.toml", &policy.bytes)?;
        let mut init = vec!["init".to_owned(), "--policy".to_owned()];
        init.extend([text(&document)?.to_owned(), "--id".to_owned(), id.clone()]);
        for before in &self.versions {
            let path = new.bring(&format!("v{}.toml", before.version), &before.bytes)?;
            init.extend(["--before".to_owned(), text(&path)?.to_owned()]);
        }
        let init: Vec<&str> = init.iter().map(String::as_str).collect();
        new.run(&init)?.done()?;
        self.left.push(std::mem::replace(&mut self.crew[seat], new));
        self.draft = next;
        self.versions.push(policy);
        self.treasury.people.policy = line(self.versions.clone())?;
        Ok(())
    }

    /// Signs with three former signers whatever cancels and drains, until nothing of former keysets is left.
    pub(super) fn come_home(&self, by: &[&SignerHome]) -> Outcome {
        come_home(&self.treasury, by)
    }
}

/// Signs with former signers whatever cancels and drains, until nothing of former keysets is left.
pub(crate) fn come_home(treasury: &Treasury, by: &[&SignerHome]) -> Outcome {
    wait_until("the former coins to be home", LONG, || {
        let path = treasury.path("/attempts?state=issued");
        let mut open = 0;
        for attempt in items(&treasury.auditor().get(&path)?.done()?)? {
            if !["cancel", "drain"].contains(&attempt["purpose"].as_str().unwrap_or_default()) {
                continue;
            }
            open += 1;
            if attempt["complete"] == false {
                let txid = field(attempt, "txid")?.parse()?;
                for home in by {
                    treasury.countersign(home, txid)?;
                }
            }
        }
        if !treasury.node.mempool()?.is_empty() {
            treasury.node.mine(3)?;
        }
        let balance = treasury.auditor().get(&treasury.path("/balance"))?.done()?;
        let home = balance["former_sat"] == 0
            && balance["total_sat"] == balance["settled_sat"]
            && open == 0;
        Ok(home.then_some(()))
    })
}

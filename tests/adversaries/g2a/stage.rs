//! What attacks are made with: signers over journals, plans, and the count of what came of them.

use std::collections::HashSet;

use bitcoin::{Amount, TxOut};
use policies::journal::{Entry, Seen};
use policies::{Statement, UnixTime};
use signer::countersign::{Countersigner, Signed};
use signer::failure::Explained as _;

use super::super::World;
use super::super::attempt::{Asked, Attempt, Plan, intent};
use super::super::oracle::{Truth, Verdict, judge};
use super::super::raw::Version;
use super::super::signer::{Memory, countersigner_with, journal};
use super::super::vault::{CHANGE, Vault, stranger};
use crate::Failure;

/// A named attack.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Attack {
    /// Its name.
    pub(in super::super) name: &'static str,
    /// The code that it must be refused with.
    pub(in super::super) code: &'static str,
    /// Shows that its honest twin is signed, then attacks.
    pub(in super::super) run: fn(&mut Stage<'_>) -> Result<(), Failure>,
}

/// An attack by name, code and function.
pub(super) const fn attack(
    name: &'static str,
    code: &'static str,
    run: fn(&mut Stage<'_>) -> Result<(), Failure>,
) -> Attack {
    Attack { name, code, run }
}

/// What came of attacks.
#[derive(Debug, Default)]
pub(in super::super) struct Tried {
    /// Refused by name.
    pub(in super::super) refused: u64,
    /// Honest transfers that were signed.
    pub(in super::super) signed: u64,
    /// Signatures that the oracle finds wrong.
    pub(in super::super) wrong: u64,
    /// What is not as expected.
    pub(in super::super) complaints: Vec<String>,
}

impl Tried {
    pub(super) fn add(&mut self, other: Self) {
        self.refused += other.refused;
        self.signed += other.signed;
        self.wrong += other.wrong;
        self.complaints.extend(other.complaints);
    }
}

/// Where one attack on one vault takes place.
#[derive(Debug)]
pub(in super::super) struct Stage<'w> {
    /// The vault that is attacked.
    pub(super) vault: &'w Vault,
    world: &'w World,
    code: &'static str,
    pub(super) tried: Tried,
}

/// A signer with a journal and a clock.
pub(super) struct Signer<'v> {
    vault: &'v Vault,
    inner: Countersigner<Memory>,
    /// Its clock.
    pub(super) now: UnixTime,
}

impl<'v> Signer<'v> {
    /// A signer that has signed nothing yet and refuses nothing for its age.
    pub(super) fn new(vault: &'v Vault, who: &str) -> Self {
        Self::born(vault, who, UnixTime::ZERO)
    }

    /// A signer whose journal was born at a moment.
    pub(super) fn born(vault: &'v Vault, who: &str, birth: UnixTime) -> Self {
        let journal = journal(vault, who, birth);
        Self {
            vault,
            inner: countersigner_with(vault, who, journal, Memory::default()),
            now: vault.now,
        }
    }

    /// A signer whose journal saw statements at a moment.
    pub(super) fn having_seen(
        vault: &'v Vault,
        who: &str,
        statements: &[&Statement],
        at: UnixTime,
    ) -> Result<Self, Failure> {
        let mut entries = Vec::new();
        for statement in statements {
            entries.push(Entry::Seen(Seen::of(&statement.encode(), at)?));
        }
        Self::with_entries(vault, who, entries)
    }

    /// A signer with these entries in its journal.
    pub(super) fn with_entries(
        vault: &'v Vault,
        who: &str,
        entries: Vec<Entry>,
    ) -> Result<Self, Failure> {
        let mut journal = journal(vault, who, UnixTime::ZERO);
        for entry in entries {
            drop(journal.append(entry)?);
        }
        Ok(Self {
            vault,
            inner: countersigner_with(vault, who, journal, Memory::default()),
            now: vault.now,
        })
    }

    /// Where its journal stands.
    fn stands(&self) -> (u64, String) {
        let journal = self.inner.journal().journal();
        (journal.counter(), journal.head().to_string())
    }
}

impl<'w> Stage<'w> {
    pub(super) fn new(world: &'w World, vault: &'w Vault, code: &'static str) -> Self {
        Self {
            vault,
            world,
            code,
            tried: Tried::default(),
        }
    }

    /// A vault with other keys in another kind of script.
    pub(super) fn other_keys(&self) -> Result<&'w Vault, Failure> {
        let mut others = self.world.vaults.iter();
        let other = others.find(|other| other.policy.keyset != self.vault.policy.keyset);
        other.ok_or_else(|| Failure::new("there is one vault only"))
    }

    fn version(&self) -> Version {
        if self.vault.kind.is_tr() {
            Version::V2
        } else {
            Version::V0
        }
    }

    /// The honest twin: it must be signed.
    #[track_caller]
    pub(super) fn signs(
        &mut self,
        signer: &mut Signer<'_>,
        attempt: &Attempt,
    ) -> Result<Signed, Failure> {
        let signed = self.ask(signer, attempt)?;
        if judge(&signed.psbt, &truth(signer.vault)) == Verdict::Worthless {
            return Err(Failure::new("the honest twin's signatures are not valid"));
        }
        self.tried.signed += 1;
        Ok(signed)
    }

    /// Part of an attack that is signed, since its signatures are worth nothing on the chain.
    #[track_caller]
    pub(super) fn signs_worthless(
        &mut self,
        signer: &mut Signer<'_>,
        attempt: &Attempt,
    ) -> Result<(), Failure> {
        let signed = self.ask(signer, attempt)?;
        if judge(&signed.psbt, &truth(signer.vault)) == Verdict::Worthless {
            Ok(())
        } else {
            Err(Failure::new("the signatures are worth something"))
        }
    }

    /// The attack: it must be refused by its code, and leave no trace.
    #[track_caller]
    pub(super) fn refuses(
        &mut self,
        signer: &mut Signer<'_>,
        attempt: &Attempt,
    ) -> Result<(), Failure> {
        let before = signer.stands();
        match self.ask(signer, attempt) {
            Ok(signed) => {
                if matches!(judge(&signed.psbt, &truth(signer.vault)), Verdict::Wrong(_)) {
                    self.tried.wrong += 1;
                }
                Err(Failure::new("it was signed"))
            }
            Err(error) => {
                let mut codes: Vec<&str> =
                    error.reasons().iter().map(|reason| reason.code).collect();
                codes.push(error.code());
                if !codes.contains(&self.code) {
                    return Err(Failure::new(format!("refused with {}", codes.join(" "))));
                }
                if signer.stands() != before {
                    return Err(Failure::new("refused, but the journal grew"));
                }
                self.tried.refused += 1;
                Ok(())
            }
        }
    }

    /// The attack: it must be refused by its code, and every reason within that must be this one.
    #[track_caller]
    pub(super) fn refuses_for(
        &mut self,
        signer: &mut Signer<'_>,
        attempt: &Attempt,
        inner: &str,
    ) -> Result<(), Failure> {
        if let Err(error) = self.ask(signer, attempt) {
            let found = super::inner::within(&error);
            if found.is_empty() || found.iter().any(|reason| reason != inner) {
                let found = found.join(" ");
                return Err(Failure::new(format!("refused for {found:?}, not {inner}")));
            }
        }
        self.refuses(signer, attempt)
    }

    fn ask(
        &self,
        signer: &mut Signer<'_>,
        attempt: &Attempt,
    ) -> Result<Signed, signer::countersign::CountersignError> {
        let bytes = attempt.bytes(self.version());
        let examined = signer.inner.examine(&bytes, signer.now)?;
        signer.inner.sign(examined, signer.now)
    }
}

/// Of a transaction that nobody approved, every valid signature is wrong.
fn truth(vault: &Vault) -> Truth {
    Truth {
        coins: vault
            .coins
            .iter()
            .map(|coin| (coin.outpoint, (coin.output.clone(), coin.spend.clone())))
            .collect(),
        own: vault
            .coins
            .iter()
            .map(|coin| coin.outpoint)
            .collect::<HashSet<_>>(),
        approved: Vec::<TxOut>::new(),
        change: bitcoin::ScriptBuf::new(),
    }
}

/// A payment of coins to a stranger, asked for and approved by two persons where that is needed.
pub(super) fn pay(vault: &Vault, id: &str, to: u8, sat: u64, coins: &[usize]) -> Plan {
    let automatic = sat <= 5_000_000;
    Plan {
        coins: coins.to_vec(),
        asked: vec![Asked {
            intent: intent(vault, id, stranger(to), sat),
            by: "exchange",
            approved_by: if automatic {
                Vec::new()
            } else {
                vec!["dana", "erin"]
            },
        }],
        carried: Vec::new(),
        change: CHANGE,
        fee: Amount::from_sat(5_000),
        approvals_expire: vault.now.saturating_add(7_200),
        seed: [7; 32],
    }
}

/// The same, asked for and approved so much later.
pub(super) fn later(mut plan: Plan, seconds: u64) -> Plan {
    for asked in &mut plan.asked {
        asked.intent.created = asked.intent.created.saturating_add(seconds);
        asked.intent.expires = asked.intent.expires.saturating_add(seconds);
    }
    plan.approvals_expire = plan.approvals_expire.saturating_add(seconds);
    plan
}

/// A day in seconds.
pub(super) const DAY: u64 = 86_400;

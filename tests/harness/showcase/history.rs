//! What happened: deposits, withdrawals of every kind and state, batches, statements, marks.

use bitcoin::hashes::Hash as _;
use bitcoin::{Address, Amount, Network, ScriptBuf, Txid, WPubkeyHash};
use policies::{Intent, UnixTime};
use serde_json::json;

use super::Showcase;
use crate::signer_home::text;
use crate::{Engine, Failure, clock, field};

/// How much happened.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Deposits.
    pub deposits: u32,
    /// Withdrawals that nobody was asked for.
    pub small: u32,
    /// Withdrawals that persons were asked for.
    pub large: u32,
    /// Batches that are settled.
    pub settled: u32,
}

impl Size {
    /// Enough of everything for every page to have something.
    pub const SMALL: Self = Self {
        deposits: 6,
        small: 12,
        large: 6,
        settled: 1,
    };
    /// A thousand withdrawals.
    pub const LARGE: Self = Self {
        deposits: 60,
        small: 960,
        large: 40,
        settled: 8,
    };
}

/// What pages can be opened with.
#[derive(Debug, Clone)]
pub struct Traces {
    /// An attempt that waits for a second signature.
    pub waiting: Txid,
    /// An attempt that is settled.
    pub settled: Txid,
    /// The id of a withdrawal that waits for approvals.
    pub requested: String,
    /// The id of a policy version that is proposed.
    pub next: String,
}

/// Somebody's address, told apart by a number.
fn stranger(n: u32) -> Result<Address, Failure> {
    let script = ScriptBuf::new_p2wpkh(&WPubkeyHash::hash(&n.to_le_bytes()));
    Ok(Address::from_script(&script, Network::Regtest)?)
}

/// Amounts as people ask for them: many small, few large, none alike.
fn amount(n: u32, from: u64, spread: u64) -> Amount {
    let scattered = u64::from(n).wrapping_mul(2_654_435_761) % spread;
    Amount::from_sat(from.saturating_add(scattered))
}

const REFERENCES: [&str; 6] = [
    "invoice 2026-1174",
    "payout run, November, customers A to F",
    "Refund of order 88 412, agreed by phone with Ms Okonkwo-Lindqvist on Tuesday",
    "salaries",
    "mining pool settlement: difficulty adjusted, second half of the month, incl. corrections for shares",
    "",
];

impl Showcase {
    /// Lets all of it happen.
    pub fn live_through(&mut self, size: Size) -> Result<Traces, Failure> {
        self.receive(size.deposits)?;
        let mut n = 0;
        let mut settled = None;
        for _ in 0..size.settled {
            self.ask_small(&mut n, size.small / (size.settled + 2))?;
            let txid = self.treasury.batch()?;
            self.treasury
                .countersign(&self.treasury.people.alice, txid)?;
            self.treasury.countersign(&self.treasury.people.bob, txid)?;
            self.treasury.reaches_mempool(txid)?;
            self.treasury.node.mine(1)?;
            settled = Some(txid);
        }
        self.treasury.node.mine(3)?;
        let settled = settled.ok_or_else(|| Failure::new("nothing is settled"))?;
        self.treasury.attempt_becomes(settled, "settled")?;
        self.ask_small(&mut n, size.small / (size.settled + 2))?;
        let waiting = self.treasury.batch()?;
        self.treasury
            .countersign(&self.treasury.people.alice, waiting)?;
        let rest = size.small.saturating_sub(n);
        self.ask_small(&mut n, rest)?;
        let requested = self.ask_large(size.large)?;
        self.agree_on_counterparties()?;
        self.mark("bob", "away", "on leave until the first of December")?;
        let next = self.propose_next()?;
        self.bring_people()?;
        self.spread_over_a_month()?;
        Ok(Traces {
            waiting,
            settled,
            requested,
            next,
        })
    }

    /// A next version of the policy, which erin proposes and approves: its id.
    fn propose_next(&self) -> Result<String, Failure> {
        let policy = &self.treasury.people.policy;
        let mut draft = self.draft.clone();
        draft.version = policy.version + 1;
        draft.vault = policy.vault.to_string();
        draft.previous = policy.id.to_string();
        draft.keyset = Some(policy.keyset.to_string());
        if let Some(rule) = draft.rules.first_mut() {
            rule.amount_max_sat = Some(3_000_000);
        }
        if let Some(budget) = &mut draft.limits.fee_budget {
            budget.sat = 1_500_000;
        }
        let document = self.erin.bring("next.toml", draft.to_toml().as_bytes())?;
        let file = self.erin.bring("next.json", b"")?;
        let (document, file) = (text(&document)?, text(&file)?);
        self.erin
            .run(&["policy", "propose", document, "--output", file])?
            .done()?;
        self.erin
            .run(&["policy", "approve", file, "--yes"])?
            .done()?;
        let propose = ["policy", "propose", file];
        let proposed = self.treasury.command_line(&propose)?.done()?.json()?;
        field(&proposed, "policy")
    }

    /// The others of the pages: those who were here, one who is invited, one who will be away.
    fn bring_people(&self) -> Result<(), Failure> {
        let treasury = &self.treasury;
        for (name, role) in [
            ("erin", "approver"),
            ("frank", "approver"),
            ("olga", "operator"),
            ("rita", "requester"),
        ] {
            treasury.session_of(name, role, None)?;
        }
        treasury.invite("priya", "auditor")?;
        let today = clock::now();
        let day = |at: UnixTime| at.to_string().chars().take(10).collect::<String>();
        let (from, until) = (day(today), day(today.saturating_add(5 * 86_400)));
        let away = [
            ("person", "frank"),
            ("from", from.as_str()),
            ("until", until.as_str()),
            ("reason", "at sea until Tuesday"),
        ];
        let hook = [
            ("name", "accounting"),
            ("url", "https://hooks.treasury.example/countersign"),
            ("shape", "json"),
            ("kinds", "withdrawal. deposit."),
        ];
        let omar = treasury.visitor("omar", "operator")?;
        for (path, form) in [("/absences", away), ("/webhooks", hook)] {
            let said = omar.post(path, &form)?;
            if said.status >= 400 {
                return Err(Failure::new(format!("{path} refused: {}", said.text)));
            }
        }
        Ok(())
    }

    /// All of it happened within seconds. For charts to have a course, the books of this treasury, which nobody
    /// relies on, are dated over the last month, in their order.
    fn spread_over_a_month(&self) -> Result<(), Failure> {
        if self.treasury.store.engine() != Engine::Sqlite {
            return Ok(());
        }
        let back = |table: &str, field: &str, order: &str| {
            format!(
                "UPDATE {table} SET {field} = {field} - 2592000 + 2592000 * (SELECT COUNT(*) FROM {table} AS earlier
                 WHERE earlier.{order} <= {table}.{order}) / (SELECT COUNT(*) FROM {table})"
            )
        };
        for statement in [
            "DROP TRIGGER ledger_entry_is_never_updated".to_owned(),
            back("ledger_entry", "entered_at", "number"),
            back("attempt", "created_at", "rowid"),
            back("withdrawal", "submitted_at", "rowid"),
        ] {
            self.treasury.store.sql(&statement)?;
        }
        Ok(())
    }

    fn receive(&self, deposits: u32) -> Result<(), Failure> {
        let mut payments = Vec::new();
        for n in 0..deposits {
            let reference = format!(
                "customer {:05}, {}",
                10_417 + n * 31,
                REFERENCES[n as usize % 5]
            );
            let short: String = reference.chars().take(60).collect();
            let address = self.treasury.new_address(&short)?;
            payments.push((address, amount(n, 8_000_000, 70_000_000)));
        }
        self.treasury.node.fund_all(&payments)?;
        self.treasury.node.mine(3)?;
        let late = self.treasury.new_address("customer 99001, arrives now")?;
        self.treasury.all_is_taken_in()?;
        self.treasury
            .node
            .fund(&late, Amount::from_sat(3_141_593))?;
        Ok(())
    }

    fn intent(&self, id: &str, n: u32, sat: Amount) -> Result<Intent, Failure> {
        let intent = self.treasury.intent(id, &stranger(n)?, sat)?;
        Ok(Intent {
            reference: REFERENCES[n as usize % REFERENCES.len()].to_owned(),
            ..intent
        })
    }

    fn ask_small(&self, n: &mut u32, count: u32) -> Result<(), Failure> {
        for _ in 0..count {
            *n += 1;
            let intent = self.intent(&format!("payout-{n:04}"), *n, amount(*n, 30_000, 400_000))?;
            self.treasury.submit(&intent)?.done()?;
        }
        Ok(())
    }

    /// Larger ones: most wait, some are approved, one is cancelled. The id of one that waits.
    fn ask_large(&self, count: u32) -> Result<String, Failure> {
        let mut last = String::new();
        for n in 0..count {
            let id = format!("settlement-{n:03}");
            let intent = self.intent(&id, 500_000 + n, amount(n, 6_000_000, 9_000_000))?;
            self.treasury.submit(&intent)?.done()?;
            if n % 6 == 1 {
                self.treasury.approve(&[&intent])?;
            }
            if n % 11 == 4 {
                let path = self
                    .treasury
                    .path(&format!("/withdrawals/exchange/{id}/cancel"));
                self.treasury.service().post(&path, &json!({}))?.done()?;
            } else if n % 6 != 1 {
                last = id;
            }
        }
        Ok(last)
    }

    fn agree_on_counterparties(&self) -> Result<(), Failure> {
        for (n, label) in ["Kraken OTC desk", "Bitstamp settlement", "ACME miners"]
            .into_iter()
            .enumerate()
        {
            let to = stranger(900_000 + u32::try_from(n)?)?.to_string();
            let add = [
                "add",
                "--list",
                "counterparties",
                "--address",
                &to,
                "--label",
                label,
            ];
            let proposal = self.say(&self.erin, &add)?;
            if n < 2 {
                let file = self.frank.bring("proposal.json", &proposal)?;
                self.say(&self.frank, &["approve", text(&file)?])?;
            }
        }
        Ok(())
    }

    /// The batch of an attempt.
    pub fn batch_of(&self, txid: Txid) -> Result<String, Failure> {
        let attempt = self
            .treasury
            .auditor()
            .get(&format!("/attempts/{txid}"))?
            .done()?;
        field(&attempt, "batch")
    }
}

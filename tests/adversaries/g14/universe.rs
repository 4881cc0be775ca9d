//! The small world of a search: coins, withdrawals, and every transaction that anybody may propose.
//!
//! Which transactions can be in one chain is decided here from the whole of their ancestors, and by none of the
//! code that is judged. Transactions are numbered so that ancestors come first; a set of them is a mask.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, OutPoint, ScriptBuf, Txid};
use policies::journal::{AncestorInputs, SignedTransaction, SpendMode};
use policies::{Intent, IntentKind, Keyset, UnixTime, VaultId};

/// A set of transactions, by number.
pub(super) type Mask = u64;

/// When withdrawals of the first time are signed.
pub(super) const SIGNED: UnixTime = UnixTime::from_secs(1_795_478_400);
/// When they are made, by a clock as far ahead as their signers allow.
pub(super) const CREATED: UnixTime = SIGNED.saturating_add(SKEW);
/// When a journal is restored empty a second after, by a clock as far behind as is allowed.
pub(super) const REBORN: UnixTime = UnixTime::from_secs(1_795_478_401 - SKEW);
/// When withdrawals of the second time are made and signed: as early as a journal so born allows.
pub(super) const LATER: UnixTime = REBORN.saturating_add(2 * SKEW);
/// When a journal is restored empty a second after that, by such a clock.
pub(super) const REBORN_LATER: UnixTime = UnixTime::from_secs(1_795_478_402);
/// When withdrawals of the third time are made and signed.
pub(super) const LAST: UnixTime = REBORN_LATER.saturating_add(2 * SKEW);
/// The policy's `clock_skew`.
pub(super) const SKEW: u64 = 600;

/// An output of the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Output {
    /// A coin that is on every chain.
    Coin(usize),
    /// The change of a transaction, the first or the second.
    Change(usize, u8),
}

/// A withdrawal that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Its intent.
    pub(super) intent: Intent,
    /// Its line: at most one transaction may pay one.
    pub(super) line: usize,
    /// Whether it is of the first, second or third time (0, 1, 2): journals born again sign later ones only.
    pub(super) time: u8,
    /// What it replaces.
    pub(super) replaces: Option<usize>,
}

/// A transaction that somebody may propose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Transaction {
    /// What it spends, sorted.
    pub(super) inputs: Vec<Output>,
    /// The withdrawals that it pays, sorted; none for a spend to ourselves.
    pub(super) pays: Vec<usize>,
    /// Tells transactions apart that differ in their fee alone.
    pub(super) variant: u8,
    /// How many outputs of change it has.
    pub(super) change: u8,
}

/// Everything that there is in one search.
#[derive(Debug, Clone)]
pub(super) struct Universe {
    pub(super) coins: usize,
    pub(super) asked: Vec<Asked>,
    pub(super) transactions: Vec<Transaction>,
    /// Each with its ancestors.
    closures: Vec<Mask>,
    /// Each with those that spend an output that it spends.
    rivals: Vec<Mask>,
    /// Those that pay nobody. Nothing keeps a signer from them, so that they count as signed by all.
    pub(super) own: Mask,
}

/// The mask of one.
pub(super) const fn bit(number: usize) -> Mask {
    1 << number
}

/// The numbers in a mask.
pub(super) fn numbers(mask: Mask) -> impl Iterator<Item = usize> {
    (0..64).filter(move |number| mask & bit(*number) != 0)
}

impl Universe {
    /// A world of coins and withdrawals without transactions.
    pub(super) fn new(coins: usize) -> Self {
        Self {
            coins,
            asked: Vec::new(),
            transactions: Vec::new(),
            closures: Vec::new(),
            rivals: Vec::new(),
            own: 0,
        }
    }

    /// Asks for a withdrawal, of a line of its own unless it replaces another.
    pub(super) fn ask(&mut self, time: u8, replaces: Option<usize>) -> usize {
        let number = self.asked.len();
        let mut intent = payment(number, [CREATED, LATER, LAST][usize::from(time)]);
        intent.replaces = replaces.map(|other| self.asked[other].intent.id.clone());
        self.asked.push(Asked {
            intent,
            line: replaces.map_or(number, |other| self.asked[other].line),
            time,
            replaces,
        });
        number
    }

    /// Adds a transaction; what makes its inputs is there already.
    pub(super) fn add(&mut self, inputs: &[Output], pays: &[usize]) -> usize {
        let transaction = Transaction {
            inputs: inputs.to_vec(),
            pays: pays.to_vec(),
            variant: 0,
            change: 1,
        };
        self.push(transaction)
    }

    /// Adds the same transaction at another fee.
    pub(super) fn bump(&mut self, number: usize) -> usize {
        let mut transaction = self.transactions[number].clone();
        transaction.variant += 1;
        self.push(transaction)
    }

    /// Adds a transaction with another number of outputs of change.
    pub(super) fn add_with(&mut self, change: u8, inputs: &[Output], pays: &[usize]) -> usize {
        let number = self.add(inputs, pays);
        self.transactions[number].change = change;
        number
    }

    fn push(&mut self, mut transaction: Transaction) -> usize {
        let number = self.transactions.len();
        assert!(number < 64, "a mask has 64 bits");
        transaction.inputs.sort_unstable();
        let closure = self.ancestors_of(&transaction.inputs) | bit(number);
        let mut rivals = 0;
        for (other, known) in self.transactions.iter().enumerate() {
            if known
                .inputs
                .iter()
                .any(|input| transaction.inputs.contains(input))
            {
                rivals |= bit(other);
                self.rivals[other] |= bit(number);
            }
        }
        if transaction.pays.is_empty() {
            self.own |= bit(number);
        }
        self.closures.push(closure);
        self.rivals.push(rivals);
        self.transactions.push(transaction);
        number
    }

    /// Every transaction that outputs come from.
    pub(super) fn ancestors_of(&self, inputs: &[Output]) -> Mask {
        inputs.iter().fold(0, |mask, input| match input {
            Output::Coin(_) => mask,
            Output::Change(parent, _) => mask | self.closures[*parent],
        })
    }

    /// A transaction with its ancestors.
    pub(super) fn closure(&self, number: usize) -> Mask {
        self.closures[number]
    }

    /// Whether no two of these spend one output.
    fn no_rivals(&self, mask: Mask) -> bool {
        numbers(mask).all(|number| self.rivals[number] & mask == 0)
    }

    /// Whether a chain can hold all of these and what they come from.
    pub(super) fn in_one_chain(&self, mask: Mask) -> bool {
        let closure = numbers(mask).fold(0, |all, number| all | self.closures[number]);
        self.no_rivals(closure)
    }

    /// Every output there may be.
    pub(super) fn outputs(&self) -> Vec<Output> {
        let transactions = self.transactions.iter().enumerate();
        let change = transactions.flat_map(|(number, one)| {
            (0..one.change).map(move |place| Output::Change(number, place))
        });
        (0..self.coins).map(Output::Coin).chain(change).collect()
    }

    /// The outputs that one of these spends.
    pub(super) fn spent_by(&self, mask: Mask) -> Vec<Output> {
        let mut spent: Vec<Output> = numbers(mask)
            .flat_map(|number| self.transactions[number].inputs.clone())
            .collect();
        spent.sort_unstable();
        spent.dedup();
        spent
    }

    /// What a chain leaves to spend.
    pub(super) fn unspent(&self, chain: Mask) -> Vec<Output> {
        let spent = self.spent_by(chain);
        let is_there = |output: &Output| match output {
            Output::Coin(_) => true,
            Output::Change(parent, _) => chain & bit(*parent) != 0,
        };
        let outputs = self.outputs().into_iter();
        outputs
            .filter(|output| is_there(output) && !spent.contains(output))
            .collect()
    }

    /// Every chain that can be made of these: whatever a reorg of any depth may lead to.
    pub(super) fn chains(&self, available: Mask) -> Vec<Mask> {
        let mut chains = vec![0];
        for number in numbers(available) {
            let parents = self.closures[number] & !bit(number);
            let longer: Vec<Mask> = (chains.iter())
                .filter(|chain| **chain & parents == parents && **chain & self.rivals[number] == 0)
                .map(|chain| chain | bit(number))
                .collect();
            chains.extend(longer);
        }
        chains
    }

    /// The time of the latest withdrawal of some.
    pub(super) fn time_of(&self, pays: &[usize]) -> u8 {
        let times = pays.iter().map(|paid| self.asked[*paid].time);
        times.max().unwrap_or_default()
    }

    /// The lines that a transaction pays.
    pub(super) fn lines_of(&self, number: usize) -> Vec<usize> {
        let pays = &self.transactions[number].pays;
        pays.iter().map(|paid| self.asked[*paid].line).collect()
    }

    /// Whether two transactions pay one line.
    pub(super) fn share_a_line(&self, one: usize, other: usize) -> bool {
        let others = self.lines_of(other);
        self.lines_of(one).iter().any(|line| others.contains(line))
    }

    /// The sets of payments that must never be complete: a chain could hold them, and with spends to
    /// ourselves that everybody signs, it would pay one line twice.
    pub(super) fn forbidden(&self) -> Vec<(usize, usize, Mask)> {
        let mut forbidden = Vec::new();
        for one in 0..self.transactions.len() {
            let mut lines = self.lines_of(one);
            let paid = lines.len();
            lines.sort_unstable();
            lines.dedup();
            if lines.len() < paid && self.in_one_chain(bit(one)) {
                forbidden.push((one, one, self.closures[one] & !self.own));
            }
            for other in 0..one {
                let both = bit(one) | bit(other);
                if self.share_a_line(one, other) && self.in_one_chain(both) {
                    let payments = (self.closures[one] | self.closures[other]) & !self.own;
                    forbidden.push((other, one, payments));
                }
            }
        }
        forbidden
    }

    /// The sets of ancestors that a file may carry: each is reached from the transaction through those carried. All
    /// of them come first.
    pub(super) fn carryings(&self, number: usize) -> Vec<Mask> {
        let ancestors = self.closures[number] & !bit(number);
        let mut all = vec![ancestors];
        let mut subset = ancestors;
        while subset != 0 {
            subset = (subset - 1) & ancestors;
            let reached = |ancestor: usize| {
                let spends = |child: usize| {
                    let mut inputs = self.transactions[child].inputs.iter();
                    inputs.any(
                        |input| matches!(input, Output::Change(parent, _) if *parent == ancestor),
                    )
                };
                spends(number) || numbers(subset).any(spends)
            };
            if numbers(subset).all(reached) {
                all.push(subset);
            }
        }
        all
    }

    /// What a journal remembers of a transaction of this world.
    pub(super) fn signed(&self, number: usize, carried: Mask, at: UnixTime) -> SignedTransaction {
        self.signed_as(txid(number), &self.transactions[number], carried, at)
    }

    /// The same of a transaction that need not be one of this world.
    pub(super) fn signed_as(
        &self,
        txid: Txid,
        transaction: &Transaction,
        carried: Mask,
        at: UnixTime,
    ) -> SignedTransaction {
        let paid = || transaction.pays.iter().map(|paid| &self.asked[*paid]);
        let replaced = paid().filter_map(|asked| asked.replaces);
        SignedTransaction {
            txid,
            mode: if transaction.pays.is_empty() {
                SpendMode::SelfSpend
            } else {
                SpendMode::Pay
            },
            inputs: transaction.inputs.iter().copied().map(outpoint).collect(),
            ancestors: numbers(carried)
                .map(|ancestor| AncestorInputs {
                    txid: self::txid(ancestor),
                    inputs: (self.transactions[ancestor].inputs.iter())
                        .copied()
                        .map(outpoint)
                        .collect(),
                })
                .collect(),
            rules: transaction.pays.iter().map(|_| "rule".to_owned()).collect(),
            intents: paid().map(|asked| asked.intent.clone()).collect(),
            replaced: replaced
                .map(|other| self.asked[other].intent.clone())
                .collect(),
            change_indexes: vec![0],
            fee: Amount::from_sat(1_000 + 1_000 * u64::from(transaction.variant)),
            at,
            given: None,
        }
    }

    /// What becomes of each transaction when coins and withdrawals are exchanged; nothing if the world does not
    /// stay the same.
    pub(super) fn exchanged(&self, coins: &[usize], asked: &[usize]) -> Option<Vec<usize>> {
        let mut to: Vec<usize> = Vec::new();
        for transaction in &self.transactions {
            let mut other = transaction.clone();
            for input in &mut other.inputs {
                *input = match *input {
                    Output::Coin(number) => Output::Coin(coins[number]),
                    Output::Change(parent, place) => Output::Change(to[parent], place),
                };
            }
            other.inputs.sort_unstable();
            other.pays = other.pays.iter().map(|paid| asked[*paid]).collect();
            other.pays.sort_unstable();
            to.push(self.transactions.iter().position(|one| *one == other)?);
        }
        Some(to)
    }

    /// A transaction in words.
    pub(super) fn name(&self, number: usize) -> String {
        let transaction = &self.transactions[number];
        let words = |what: Vec<String>| what.join(" and ");
        let inputs = words(
            transaction
                .inputs
                .iter()
                .map(|input| input.name())
                .collect(),
        );
        let pays = words(
            transaction
                .pays
                .iter()
                .map(|paid| self.asked[*paid].name())
                .collect(),
        );
        let what = if pays.is_empty() {
            format!("spends {inputs} to ourselves")
        } else {
            format!("pays {pays} from {inputs}")
        };
        let change =
            [", no change", "", ", two outputs of change"][usize::from(transaction.change)];
        let fee = if transaction.variant > 0 {
            ", higher fee"
        } else {
            ""
        };
        format!("t{number} ({what}{change}{fee})")
    }
}

impl Output {
    /// Its name.
    pub(super) fn name(self) -> String {
        match self {
            Self::Coin(number) => format!("coin {number}"),
            Self::Change(parent, 0) => format!("t{parent}'s change"),
            Self::Change(parent, _) => format!("t{parent}'s second change"),
        }
    }
}

impl Asked {
    /// Its name.
    pub(super) fn name(&self) -> String {
        self.intent.id.to_string()
    }
}

/// The txid of a transaction.
pub(super) fn txid(number: usize) -> Txid {
    named(1, number)
}

/// The txid of a transaction of a kind that is not of this world.
pub(super) fn named(kind: u8, number: usize) -> Txid {
    let mut bytes = [kind; 32];
    bytes[..8].copy_from_slice(&u64::try_from(number).unwrap_or(u64::MAX).to_le_bytes());
    Txid::from_byte_array(bytes)
}

fn outpoint(output: Output) -> OutPoint {
    match output {
        Output::Coin(number) => OutPoint::new(named(2, number), 0),
        Output::Change(parent, place) => OutPoint::new(txid(parent), 1 + u32::from(place)),
    }
}

fn payment(number: usize, created: UnixTime) -> Intent {
    let amount = Amount::from_sat(50_000 - u64::try_from(number).unwrap_or_default());
    let script = u8::try_from(number).unwrap_or(u8::MAX);
    Intent {
        vault: VaultId::from_bytes([0x11; 32]),
        keyset: Keyset::from_bytes([0x11; 32]),
        requester: "exchange".parse().expect("a name"),
        id: format!("w{number}").parse().expect("an id"),
        kind: IntentKind::Payment,
        script_pubkey: ScriptBuf::from_bytes([vec![0x00, 0x14], vec![script; 20]].concat()),
        amount,
        min: amount,
        created,
        expires: created.saturating_add(86_400),
        replaces: None,
        repeats: None,
        reference: String::new(),
    }
}

//! Which withdrawals belong to one line, and which transactions were signed for it.
//!
//! A line is what two transactions must not both pay: an id, what it replaces and what replaces it, and
//! every intent that one and the same output could satisfy (same script and amount; for a sweep the same
//! script). Kept as disjoint sets over these names, so that a lookup costs what the line costs and
//! never what the history costs. Only ever grows; the sets do not depend on the order of recording.

use std::collections::{BTreeSet, HashMap, HashSet};

use bitcoin::{Amount, ScriptBuf};

use crate::intent::{Intent, IntentKind, RequesterName, WithdrawalId};

/// A name that a line is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Name {
    Withdrawal(RequesterName, WithdrawalId),
    Output(ScriptBuf, Amount),
    /// Every output to a script, once an intent sweeps to it.
    Script(ScriptBuf),
}

/// The line of some of a transaction's intents, as far as transaction and history tell.
#[derive(Debug, Default)]
pub(super) struct LineOf {
    /// Positions of the paid intents that belong to it.
    pub(super) paid: Vec<usize>,
    /// The sets of the history that it joins.
    roots: BTreeSet<u32>,
    /// Its names.
    names: BTreeSet<Name>,
}

/// Disjoint sets of names, each with the transactions signed for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lines {
    names: HashMap<Name, u32>,
    parents: Vec<u32>,
    /// Transactions (by number) of a set, under the set's root; also its rank for joining.
    members: HashMap<u32, BTreeSet<u32>>,
    sizes: HashMap<u32, u32>,
    /// The amounts ever paid to a script, which a sweep to it joins.
    amounts: HashMap<ScriptBuf, BTreeSet<Amount>>,
}

impl Lines {
    /// Sorts a transaction's intents into lines; `replaced` ones connect, but are not paid. A line that
    /// no paid intent belongs to is left out.
    pub(super) fn of(&self, paid: &[Intent], replaced: &[Intent]) -> Vec<LineOf> {
        let intents = || paid.iter().chain(replaced);
        let swept: HashSet<&ScriptBuf> = intents()
            .filter(|intent| intent.kind == IntentKind::Sweep)
            .map(|intent| &intent.script_pubkey)
            .collect();

        let mut lines: Vec<LineOf> = Vec::new();
        let mut by_root: HashMap<u32, usize> = HashMap::new();
        let mut by_name: HashMap<Name, usize> = HashMap::new();
        // Where the line that was at this place went when it was joined to another.
        let mut moved: Vec<usize> = Vec::new();
        for (position, intent) in intents().enumerate() {
            let mut line = LineOf {
                names: self.names_of(intent, &swept),
                ..LineOf::default()
            };
            if position < paid.len() {
                line.paid.push(position);
            }
            line.roots = line
                .names
                .iter()
                .filter_map(|name| self.root_of(name))
                .collect();

            let touched: BTreeSet<usize> = (line.roots.iter().filter_map(|root| by_root.get(root)))
                .chain(line.names.iter().filter_map(|name| by_name.get(name)))
                .map(|at| place(&moved, *at))
                .collect();
            let here = lines.len();
            for at in touched {
                if let (Some(other), Some(to)) = (lines.get_mut(at), moved.get_mut(at)) {
                    let mut other = std::mem::take(other);
                    line.paid.append(&mut other.paid);
                    line.roots.append(&mut other.roots);
                    line.names.append(&mut other.names);
                    *to = here;
                }
            }
            by_root.extend(line.roots.iter().map(|root| (*root, here)));
            by_name.extend(line.names.iter().map(|name| (name.clone(), here)));
            lines.push(line);
            moved.push(here);
        }
        lines.retain(|line| !line.paid.is_empty());
        for line in &mut lines {
            line.paid.sort_unstable();
        }
        lines
    }

    /// The transactions signed for a line.
    pub(super) fn members(&self, line: &LineOf) -> BTreeSet<u32> {
        line.roots
            .iter()
            .filter_map(|root| self.members.get(root))
            .flatten()
            .copied()
            .collect()
    }

    /// Whether a withdrawal that was signed is of a line.
    pub(super) fn holds(
        &self,
        line: &LineOf,
        requester: &RequesterName,
        id: &WithdrawalId,
    ) -> bool {
        let name = Name::Withdrawal(requester.clone(), id.clone());
        self.root_of(&name)
            .is_some_and(|root| line.roots.contains(&root))
    }

    /// Joins all that a line touches to one set, and adds a transaction to it.
    pub(super) fn record(&mut self, line: LineOf, transaction: u32) {
        let mut joined: Option<u32> = None;
        for name in line.names {
            let root = self.root_or_new(name);
            joined = Some(joined.map_or(root, |other| self.join(other, root)));
        }
        if let Some(root) = joined {
            self.members.entry(root).or_default().insert(transaction);
        }
    }

    fn names_of(&self, intent: &Intent, swept: &HashSet<&ScriptBuf>) -> BTreeSet<Name> {
        let withdrawal = |id: &WithdrawalId| Name::Withdrawal(intent.requester.clone(), id.clone());
        let script = &intent.script_pubkey;
        let mut names = BTreeSet::from([withdrawal(&intent.id)]);
        names.extend(intent.replaces.as_ref().map(withdrawal));
        match intent.kind {
            IntentKind::Payment | IntentKind::Transfer => {
                names.insert(Name::Output(script.clone(), intent.amount));
                let all = Name::Script(script.clone());
                if swept.contains(script) || self.names.contains_key(&all) {
                    names.insert(all);
                }
            }
            IntentKind::Sweep => {
                names.insert(Name::Script(script.clone()));
                let amounts = self.amounts.get(script).into_iter().flatten();
                names.extend(amounts.map(|amount| Name::Output(script.clone(), *amount)));
            }
        }
        names
    }

    fn root_of(&self, name: &Name) -> Option<u32> {
        self.names.get(name).map(|set| self.root(*set))
    }

    /// The root of a set; paths are short, since the smaller set always joins the larger one.
    fn root(&self, mut set: u32) -> u32 {
        while let Some(parent) = self
            .parents
            .get(index(set))
            .filter(|parent| **parent != set)
        {
            set = *parent;
        }
        set
    }

    fn root_or_new(&mut self, name: Name) -> u32 {
        if let Some(root) = self.root_of(&name) {
            return root;
        }
        let set = u32::try_from(self.parents.len()).expect("fewer than 2^32 names fit in memory");
        self.parents.push(set);
        self.sizes.insert(set, 1);
        if let Name::Output(script, amount) = &name {
            self.amounts
                .entry(script.clone())
                .or_default()
                .insert(*amount);
        }
        self.names.insert(name, set);
        set
    }

    fn join(&mut self, one: u32, other: u32) -> u32 {
        if one == other {
            return one;
        }
        let size = |set: u32| self.sizes.get(&set).copied().unwrap_or_default();
        let (small, large) = if size(one) < size(other) {
            (one, other)
        } else {
            (other, one)
        };
        let sum = size(small).saturating_add(size(large));
        if let Some(parent) = self.parents.get_mut(index(small)) {
            *parent = large;
        }
        self.sizes.remove(&small);
        self.sizes.insert(large, sum);
        if let Some(members) = self.members.remove(&small) {
            self.members.entry(large).or_default().extend(members);
        }
        large
    }
}

fn place(moved: &[usize], mut at: usize) -> usize {
    while let Some(to) = moved.get(at).filter(|to| **to != at) {
        at = *to;
    }
    at
}

fn index(set: u32) -> usize {
    usize::try_from(set).expect("a usize has at least 32 bits")
}

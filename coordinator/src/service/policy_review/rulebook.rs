//! Rules, limits and lists of a version, in the words of review.

use bitcoin::Amount;
use policies::IntentKind;
use policies::analysis::Analysis;
use policies::document::{List, Policy, Rule, format_duration};
use policies::report;

/// What a version allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulebookView {
    /// The rules; the first match decides.
    pub rules: Vec<RuleView>,
    /// The limits of every transaction.
    pub limits: Vec<FactView>,
    /// Who approves what is no withdrawal.
    pub quorums: Vec<FactView>,
    /// The lists of destinations.
    pub lists: Vec<ListedView>,
    /// The treasury's other vaults.
    pub other_vaults: Vec<OtherVaultView>,
    /// Which rules count approvals that trust the coordinator's page, one sentence each.
    pub page_rules: Vec<String>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleView {
    /// Its place, from 1.
    pub place: usize,
    /// Its name.
    pub name: String,
    /// All of it in one sentence.
    pub says: String,
    /// The kind that it matches.
    pub kind: &'static str,
    /// The requesters that it matches; any where none is named.
    pub requesters: Vec<String>,
    /// The lists that it matches; any destination where none is named.
    pub to: Vec<String>,
    /// The highest amount that it matches.
    pub most: Option<Amount>,
    /// The most in a stretch of time.
    pub window: Option<(Amount, String)>,
    /// Who must approve, in words.
    pub asks: String,
    /// Whether nobody is asked.
    pub is_automatic: bool,
    /// How many of those whom it asks may use the coordinator's page.
    pub by_page: u32,
}

/// A labelled fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactView {
    /// What it is about.
    pub label: &'static str,
    /// In words.
    pub says: String,
}

/// A list of destinations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedView {
    /// Its name in rules.
    pub name: String,
    /// The addresses in the document.
    pub entries: Vec<String>,
    /// How further entries come onto it; closed where there are no words.
    pub open: Option<String>,
}

/// Another vault of the treasury.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherVaultView {
    /// Its name in rules.
    pub name: String,
    /// Its id.
    pub vault: String,
    /// Its descriptor.
    pub descriptor: String,
    /// How many scripts of each keychain count.
    pub reach: u32,
}

impl RulebookView {
    /// What a version allows.
    pub(super) fn of(policy: &Policy, analysis: &Analysis) -> Self {
        let facts = |facts: Vec<(&'static str, String)>| -> Vec<FactView> {
            let facts = facts.into_iter();
            facts
                .map(|(label, says)| FactView { label, says })
                .collect()
        };
        let rules = (1_usize..).zip(&policy.rules);
        let other_vaults = policy.other_vaults.iter().map(|vault| OtherVaultView {
            name: vault.name.clone(),
            vault: vault.vault.to_string(),
            descriptor: vault.descriptor.text().to_owned(),
            reach: vault.reach,
        });
        Self {
            rules: rules.map(|(place, rule)| rule_view(place, rule)).collect(),
            limits: facts(report::limit_facts(policy)),
            quorums: facts(report::quorum_facts(policy)),
            lists: policy.lists.iter().map(list_view).collect(),
            other_vaults: other_vaults.collect(),
            page_rules: report::page_words(&analysis.page_approvals),
        }
    }
}

fn rule_view(place: usize, rule: &Rule) -> RuleView {
    RuleView {
        place,
        name: rule.name.clone(),
        says: report::rule_words(rule),
        kind: rule.kind.map_or("any kind", IntentKind::name),
        requesters: rule.requesters.clone().unwrap_or_default(),
        to: rule.to.clone().unwrap_or_default(),
        most: rule.amount_max,
        window: (rule.window).map(|window| (window.amount, format_duration(window.per))),
        asks: report::quorum(&rule.approvals),
        is_automatic: rule.approvals.count == 0,
        by_page: rule.approvals.page,
    }
}

fn list_view(list: &List) -> ListedView {
    ListedView {
        name: list.name.clone(),
        entries: list.entries.iter().map(ToString::to_string).collect(),
        open: list.open.as_ref().map(report::open_words),
    }
}

//! From bytes to a checked policy.

mod limits;
mod lineage;
mod passkeys;
mod people;
mod rules;
mod spending;
mod vaults;

pub(super) use spending::Spending;

use bitcoin::hashes::{Hash, sha256};
use bitcoin::{BlockHash, Network, ScriptBuf};
use toml::de::DeTable;

use super::reader::{Field, Mistakes, Reserved, Table};
use super::{
    Head, Mistake, Policy, Problem, Signer, bytes, check, genesis_of, name_of_network,
    network_of_name, parse_duration,
};
use crate::{Keyset, PolicyId, UnixTime, VaultId};

/// The format's name and version.
pub(super) const FORMAT: &str = "countersign/policy/1";

const KEYS: &[&str] = &[
    "format",
    "name",
    "vault",
    "version",
    "previous",
    "keyset",
    "network",
    "genesis",
    "signet_challenge",
    "head",
    "valid_until",
    "spending",
    "recovery",
    "signers",
    "requesters",
    "approvers",
    "limits",
    "maintenance",
    "stop",
    "go",
    "lists",
    "vaults",
    "rules",
    "change",
];
const RESERVED: &[Reserved] = &[];

/// Parses and checks a document.
pub(super) fn parse(document: &[u8]) -> Result<Policy, Vec<Mistake>> {
    let text = bytes::text_of(document).map_err(|problems| {
        problems
            .into_iter()
            .map(|problem| Mistake {
                path: String::new(),
                line: None,
                problem,
            })
            .collect::<Vec<_>>()
    })?;
    let mut mistakes = Mistakes::new(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in &errors {
            mistakes.add_syntax(error);
        }
        return Err(mistakes.into_found());
    }
    let root = Table::new(root.get_ref(), "", KEYS, RESERVED, &mut mistakes);
    let policy = read(document, &root, &mut mistakes);
    if !mistakes.is_empty() {
        return Err(mistakes.into_found());
    }
    Ok(policy.expect("every part that is missing was noted as a mistake"))
}

/// Reads the records of signers alone, as `[[signers]]` has them.
pub(crate) fn signer_records(text: &str) -> Result<Vec<Signer>, Vec<Mistake>> {
    let mut mistakes = Mistakes::new(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in &errors {
            mistakes.add_syntax(error);
        }
        return Err(mistakes.into_found());
    }
    let root = Table::new(root.get_ref(), "", &["signers"], RESERVED, &mut mistakes);
    match people::signers(&root, &mut mistakes) {
        Some(signers) if mistakes.is_empty() => Ok(signers),
        Some(_) | None => Err(mistakes.into_found()),
    }
}

/// Reads every part before giving up on any, so that all mistakes are found at once.
fn read(document: &[u8], root: &Table<'_>, mistakes: &mut Mistakes<'_>) -> Option<Policy> {
    let id = PolicyId::from_bytes(sha256::Hash::hash(document).to_byte_array());
    format(root, mistakes);
    let lineage = lineage::lineage(root, mistakes);
    let name = root
        .required("name", mistakes)
        .and_then(|field| name(&field, mistakes));
    let network = network(root, mistakes);
    let genesis = genesis(root, network, mistakes);
    let signet_challenge = signet_challenge(root, network, mistakes);
    let head = head(root, mistakes);
    let valid_until = valid_until(root, head, mistakes);
    let signers = people::signers(root, mistakes);
    let requesters = people::requesters(root, mistakes);
    let approvers = people::approvers(root, mistakes);
    let spending = spending::spending(root, network, mistakes);
    let recovery = spending::recovery(root, network, mistakes);
    let limits = limits::limits(root, network, mistakes);
    let maintenance = rules::maintenance(root, mistakes);
    let lists = rules::lists(root, network, mistakes);
    let other_vaults = vaults::vaults(root, network, mistakes);
    let parsed_rules = rules::rules(root, mistakes);
    let release = rules::release(root, mistakes);
    let go = rules::go(root, mistakes);
    let change = rules::succession(root, mistakes);

    if let (Some(signers), Some(requesters), Some(approvers)) = (&signers, &requesters, &approvers)
    {
        check::names_and_keys(signers, requesters, approvers, mistakes);
        if let (Some(lists), Some(others), Some(parsed_rules)) =
            (&lists, &other_vaults, &parsed_rules)
        {
            let places = check::Places { lists, others };
            check::rules(parsed_rules, places, requesters, approvers, mistakes);
            check::open_lists(lists, approvers, mistakes);
        }
        let quorums = [
            (maintenance.as_ref(), "maintenance.approvals"),
            (release.as_ref(), "stop.release"),
            (go.as_ref().map(|go| &go.approvals), "go.approvals"),
            (
                change.as_ref().map(|change| &change.approvals),
                "change.approvals",
            ),
        ];
        for (approvals, path) in quorums {
            if let Some(approvals) = approvals {
                check::quorum(approvals, approvers, &[], path, mistakes);
            }
        }
    }
    if let (Some(signers), Some(others)) = (&signers, &other_vaults) {
        vaults::check(others, signers, mistakes);
    }
    if let (Some(signers), Some(spending)) = (&signers, &spending) {
        check::descriptor_keys(&spending.descriptor, signers, network, mistakes);
        check::policy_text(spending, signers, mistakes);
        check::double_payment(spending, signers, mistakes);
    }

    let (spending, lineage) = (spending?, lineage?);
    Some(Policy {
        id,
        bytes: document.to_vec(),
        name: name?,
        vault: lineage
            .vault
            .unwrap_or_else(|| VaultId::of_first_version(id)),
        keyset: lineage.keyset.unwrap_or_else(|| Keyset::introduced_by(id)),
        version: lineage.version,
        previous: lineage.previous,
        network: network?,
        genesis: genesis?,
        signet_challenge,
        head: head?,
        valid_until: valid_until?,
        descriptor: spending.descriptor,
        policy_text: spending.policy,
        double_payment: spending.double_payment,
        recovery: recovery?,
        signers: signers?,
        requesters: requesters?,
        approvers: approvers?,
        longest_skew: limits.as_ref()?.clock_skew,
        limits: limits?,
        maintenance,
        release,
        go,
        lists: lists?,
        other_vaults: other_vaults?,
        rules: parsed_rules?,
        change,
        earlier: Vec::new(),
        former: Vec::new(),
    })
}

fn format(root: &Table<'_>, mistakes: &mut Mistakes<'_>) {
    if let Some(field) = root.required("format", mistakes) {
        field.parse(
            mistakes,
            |text| {
                if text == FORMAT { Ok(()) } else { Err(FORMAT) }
            },
        );
    }
}

fn network(root: &Table<'_>, mistakes: &mut Mistakes<'_>) -> Option<Network> {
    root.required("network", mistakes)?.parse(mistakes, |text| {
        network_of_name(text).ok_or("mainnet, testnet4, signet or regtest")
    })
}

fn genesis(
    root: &Table<'_>,
    network: Option<Network>,
    mistakes: &mut Mistakes<'_>,
) -> Option<BlockHash> {
    let field = root.required("genesis", mistakes)?;
    let found: BlockHash = field.parse(mistakes, |text| {
        text.parse().map_err(|_| "a block hash in hex")
    })?;
    let network = network?;
    let expected = genesis_of(network);
    if found != expected {
        mistakes.add(
            &field.path,
            Problem::WrongGenesis {
                network: name_of_network(network),
                expected: expected.to_string(),
                found: found.to_string(),
            },
        );
        return None;
    }
    Some(found)
}

/// Every signet has one genesis block: whose blocks count on one of one's own, its challenge says (BIP 325).
fn signet_challenge(
    root: &Table<'_>,
    network: Option<Network>,
    mistakes: &mut Mistakes<'_>,
) -> Option<ScriptBuf> {
    let field = root.optional("signet_challenge")?;
    let challenge: ScriptBuf = field.parse(mistakes, |text| {
        let script = ScriptBuf::from_hex(text).ok();
        script
            .filter(|script| !script.is_empty() && text.bytes().all(is_lower_hex))
            .ok_or("a script in lower hex")
    })?;
    let network = network?;
    if network != Network::Signet {
        let network = name_of_network(network);
        mistakes.add(&field.path, Problem::OnlyOnSignet { network });
        return None;
    }
    Some(challenge)
}

const fn is_lower_hex(digit: u8) -> bool {
    matches!(digit, b'0'..=b'9' | b'a'..=b'f')
}

fn head(root: &Table<'_>, mistakes: &mut Mistakes<'_>) -> Option<Head> {
    let table = root
        .required("head", mistakes)?
        .table(&["height", "time"], &[], mistakes)?;
    // Heights at and above 500,000,000 are times in lock times (BIP 65).
    let height = table
        .required("height", mistakes)
        .and_then(|field| field.integer(0..=499_999_999, mistakes));
    let time = table
        .required("time", mistakes)
        .and_then(|field| field.moment(mistakes));
    Some(Head {
        height: height?,
        time: time?,
    })
}

fn valid_until(
    root: &Table<'_>,
    head: Option<Head>,
    mistakes: &mut Mistakes<'_>,
) -> Option<UnixTime> {
    let field = root.required("valid_until", mistakes)?;
    let moment = field.moment(mistakes)?;
    if head.is_some_and(|head| moment <= head.time) {
        mistakes.add(&field.path, Problem::NeverValid);
    }
    Some(moment)
}

/// A stretch of time: at least a second, at most ten years.
pub(super) fn span(table: &Table<'_>, key: &str, mistakes: &mut Mistakes<'_>) -> Option<u64> {
    const TEN_YEARS: u64 = 3_650 * 86_400;
    table
        .required(key, mistakes)?
        .parse(mistakes, |text| match parse_duration(text) {
            Ok(secs) if (1..=TEN_YEARS).contains(&secs) => Ok(secs),
            Ok(_) => Err("between 1s and 3650d".to_owned()),
            Err(error) => Err(error.to_string()),
        })
}

/// A name of people, groups and lists: the alphabet that intents allow.
pub(super) fn name(field: &Field<'_>, mistakes: &mut Mistakes<'_>) -> Option<String> {
    field.parse(mistakes, |text| {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if (1..=32).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(text.to_owned())
        } else {
            Err("a name of 1 to 32 characters a-z, 0-9 and -")
        }
    })
}

/// Short text that people read.
pub(super) fn label(field: &Field<'_>, mistakes: &mut Mistakes<'_>) -> Option<String> {
    field.parse(mistakes, |text| {
        let printable = |byte: u8| (0x20..=0x7e).contains(&byte);
        let padded = text.starts_with(' ') || text.ends_with(' ');
        if (1..=64).contains(&text.len()) && text.bytes().all(printable) && !padded {
            Ok(text.to_owned())
        } else {
            Err("1 to 64 printable ASCII characters without spaces at the ends")
        }
    })
}

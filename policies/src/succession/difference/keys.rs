//! Head, signers, descriptor and recovery as things.

use std::collections::BTreeSet;

use super::facts::{Fact, Thing};
use super::sense::Sense;
use super::{Direction, Part};
use crate::analysis::Analysis;
use crate::document::{
    Device, DoublePayment, Head, Policy, Recovery, Signer, SignerKey, Succession, format_duration,
    name_of_network,
};
use crate::report::quorum;

/// Everything of a document but what [`super::people`], [`super::limits`], [`super::lists`], [`super::vaults`],
/// [`super::stopping`] and [`super::rules`] compare. Every field is named here, so that none is forgotten.
pub(super) fn things(policy: &Policy) -> Vec<Thing> {
    let Policy {
        // The id is the hash of everything else.
        id: _,
        bytes: _,
        name,
        vault,
        keyset,
        version,
        previous,
        network,
        genesis,
        signet_challenge,
        head: Head { height, time },
        valid_until,
        descriptor,
        policy_text,
        double_payment,
        recovery,
        signers,
        requesters: _,
        approvers: _,
        limits: _,
        maintenance,
        release: _,
        go: _,
        lists: _,
        other_vaults: _,
        rules: _,
        change,
        // What is known of the versions before is no part of the document.
        longest_skew: _,
        earlier: _,
        former: _,
    } = policy;
    let mut head = vec![
        Fact::plain("name", &format!("{name:?}")),
        Fact::plain("version", version),
        Fact::plain("vault", vault),
        Fact::plain("network", name_of_network(*network)),
        Fact::plain("genesis", genesis),
        Fact::plain("head, height", height),
        Fact::plain("head, time", time),
        Fact::number(
            "valid until",
            valid_until.to_string(),
            valid_until.as_secs(),
            Direction::Loosened,
        ),
    ];
    if let Some(previous) = previous {
        head.push(Fact::plain("previous version", previous));
    }
    if let Some(challenge) = signet_challenge {
        head.push(Fact::plain("signet challenge", &challenge.to_hex_string()));
    }
    let recovery = match recovery {
        Recovery::Newest => "to the newest pinned descriptor".to_owned(),
        Recovery::Address(address) => format!("to {address}"),
    };
    let mut keys = vec![
        Fact::plain("keyset", keyset),
        Fact::plain("scripts", &descriptor.kind()),
        Fact::plain("descriptor", descriptor.text()),
        Fact::plain("recovery", &recovery),
    ];
    if let Some(text) = policy_text {
        keys.push(Fact::plain("policy", text));
    }
    let trusts = match double_payment {
        DoublePayment::Signers => ("every two sets of signers share someone", 0),
        DoublePayment::TrustCoordinator => ("the coordinator is trusted not to pay twice", 1),
    };
    keys.push(Fact::number(
        "double payment",
        trusts.0.to_owned(),
        trusts.1,
        Direction::Loosened,
    ));
    let analysis = Analysis::of(policy);
    keys.extend(paths(&analysis));
    keys.extend(held_together(&analysis));
    let mut things = vec![
        Thing::alone(Part::Head, head),
        Thing::alone(Part::Keys, keys),
    ];
    things.extend(signers.iter().map(signer));
    if let Some(approvals) = maintenance {
        things.push(Thing {
            part: Part::Maintenance,
            title: "spends to ourselves beyond their budget".to_owned(),
            whole: quorum(approvals),
            new: Direction::Loosened,
            facts: vec![Fact::bound(
                "approvals",
                quorum(approvals),
                Sense::Quorum(approvals.clone()),
                Direction::Changed,
            )],
        });
    }
    if let Some(Succession { approvals, delay }) = change {
        things.push(Thing {
            part: Part::Change,
            title: "the next version".to_owned(),
            whole: format!("{}, then {}", quorum(approvals), format_duration(*delay)),
            new: Direction::Loosened,
            facts: vec![
                Fact::bound(
                    "approvals",
                    quorum(approvals),
                    Sense::Quorum(approvals.clone()),
                    Direction::Changed,
                ),
                Fact::number(
                    "delay",
                    format_duration(*delay),
                    *delay,
                    Direction::Tightened,
                ),
            ],
        });
    }
    things
}

/// Who can spend, in the signers' names: a way more loosens.
fn paths(analysis: &Analysis) -> Vec<Fact> {
    let paths = analysis.paths.iter();
    let named: BTreeSet<&str> = paths.map(|path| path.name.as_str()).collect();
    named
        .into_iter()
        .map(|name| Fact::entry("can spend:", name, "yes".to_owned(), Direction::Loosened))
        .collect()
}

/// Which two keys one theft or one loss takes, since a person or a host holds both: a pair more loosens, for it
/// takes one thief less.
fn held_together(analysis: &Analysis) -> Vec<Fact> {
    let mut facts = Vec::new();
    for holder in &analysis.holders {
        for (index, one) in holder.signers.iter().enumerate() {
            for other in holder.signers.iter().skip(index.saturating_add(1)) {
                facts.push(Fact::entry(
                    "one theft takes the keys of",
                    &format!("{one} and {other}"),
                    "one person or host holds both".to_owned(),
                    Direction::Loosened,
                ));
            }
        }
    }
    facts
}

fn signer(signer: &Signer) -> Thing {
    let Signer {
        name,
        person,
        device,
        key:
            SignerKey {
                text,
                // What the text says.
                fingerprint: _,
                path: _,
                xpub: _,
            },
        journal,
    } = signer;
    let mut facts = vec![
        Fact::plain("person", person),
        Fact::plain("key", text),
        Fact::plain("journal", journal),
    ];
    if let Some(Device {
        kind,
        firmware,
        seed_created,
        host,
    }) = device
    {
        facts.push(Fact::plain("device", kind));
        let labels = [
            ("firmware", firmware),
            ("seed created", seed_created),
            ("host", host),
        ];
        facts.extend(
            labels
                .into_iter()
                .filter_map(|(about, value)| Some(Fact::plain(about, value.as_ref()?))),
        );
    }
    let whole: Vec<String> = facts
        .iter()
        .map(|fact| format!("{} {}", fact.about, fact.value))
        .collect();
    Thing {
        part: Part::Keys,
        title: format!("signer {name}"),
        whole: whole.join(", "),
        new: Direction::Changed,
        facts,
    }
}

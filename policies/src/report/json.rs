//! The same as JSON.

use serde_json::{Value, json as object};

use crate::analysis::Analysis;
use crate::document::{
    Approvals, DoublePayment, PinnedKey, Policy, Recovery, format_sat_per_vb, name_of_network,
};

/// A policy version with its analysis.
pub fn json(policy: &Policy) -> Value {
    let limits = &policy.limits;
    let recovery = match &policy.recovery {
        Recovery::Newest => "newest".to_owned(),
        Recovery::Address(address) => address.to_string(),
    };
    let mut shown = object!({
        "id": policy.id,
        "words": policy.words(),
        "name": policy.name,
        "vault": policy.vault,
        "keyset": policy.keyset,
        "version": policy.version,
        "network": name_of_network(policy.network),
        "genesis": policy.genesis.to_string(),
        "signet_challenge": policy.signet_challenge.as_ref().map(|script| script.to_hex_string()),
        "head": { "height": policy.head.height, "time": policy.head.time },
        "valid_until": policy.valid_until,
        "descriptor": policy.descriptor.text(),
        "policy": policy.policy_text,
        "double_payment": match policy.double_payment {
            DoublePayment::Signers => "signers",
            DoublePayment::TrustCoordinator => "trust-coordinator",
        },
        "recovery": { "to": recovery },
        "signers": policy.signers.iter().map(|signer| object!({
            "name": signer.name,
            "person": signer.person,
            "device": signer.device.as_ref().map(|device| &device.kind),
            "firmware": signer.device.as_ref().and_then(|device| device.firmware.as_ref()),
            "seed_created": signer.device.as_ref().and_then(|device| device.seed_created.as_ref()),
            "host": signer.device.as_ref().and_then(|device| device.host.as_ref()),
            "key": signer.key.text,
            "journal": signer.journal.to_string(),
        })).collect::<Vec<_>>(),
        "requesters": policy.requesters.iter().map(|requester| object!({
            "name": requester.name,
            "person": requester.person,
            "keys": keys(&requester.keys),
        })).collect::<Vec<_>>(),
        "approvers": policy.approvers.iter().map(|approver| object!({
            "name": approver.name,
            "person": approver.person,
            "groups": approver.groups,
            "keys": keys(&approver.keys),
        })).collect::<Vec<_>>(),
        "limits": {
            "feerate_max_sat_vb": format_sat_per_vb(limits.feerate_max),
            "fee_max_sat": limits.fee_max.to_sat(),
            "fee_share_max_percent": limits.fee_share_max_percent,
            "change": {
                "max_outputs": limits.change_max_outputs,
                "min_sat": limits.change_min.to_sat(),
            },
            "transaction": {
                "max_inputs": limits.max_inputs,
                "max_outputs": limits.max_outputs,
            },
            "confirmations": {
                "deposit": limits.confirmations_deposit,
                "change": limits.confirmations_change,
            },
            "clock_skew_s": limits.clock_skew,
            "fee_budget": limits.fee_budget.map(|budget| object!({
                "sat": budget.amount.to_sat(),
                "window_s": budget.window,
            })),
            "self_spend_budget": limits.self_spend_budget.map(|budget| object!({
                "sat": budget.amount.to_sat(),
                "count": budget.count,
                "window_s": budget.window,
            })),
        },
        "maintenance": policy.maintenance.as_ref().map(approvals),
        "lists": policy.lists.iter().map(|list| object!({
            "name": list.name,
            "entries": list.entries.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "open": list.open.as_ref().map(|open| object!({
                "approvals": approvals(&open.approvals),
                "delay_s": open.delay,
                "test_first": open.test_first.as_ref().map(|test| object!({
                    "sat": test.amount.to_sat(),
                    "group": test.group,
                })),
            })),
        })).collect::<Vec<_>>(),
        "vaults": policy.other_vaults.iter().map(|vault| object!({
            "name": vault.name,
            "vault": vault.vault,
            "descriptor": vault.descriptor.text(),
            "reach": vault.reach,
        })).collect::<Vec<_>>(),
        "rules": policy.rules.iter().map(|rule| object!({
            "name": rule.name,
            "kind": rule.kind.map(crate::IntentKind::name),
            "requester": rule.requesters,
            "to": rule.to,
            "amount_max_sat": rule.amount_max.map(bitcoin::Amount::to_sat),
            "window": rule.window.map(|window| object!({
                "sat": window.amount.to_sat(),
                "per_s": window.per,
            })),
            "approvals": approvals(&rule.approvals),
        })).collect::<Vec<_>>(),
        "change": policy.change.as_ref().map(|change| object!({
            "approvals": approvals(&change.approvals),
            "delay_s": change.delay,
        })),
        "analysis": Analysis::of(policy),
    });
    if let Some(inclusion) = limits.inclusion {
        shown["limits"]["inclusion"] = object!({
            "bits": format!("{:08x}", inclusion.bits),
            "confirmations": inclusion.confirmations,
        });
    }
    shown
}

fn approvals(approvals: &Approvals) -> Value {
    object!({ "group": approvals.group, "count": approvals.count, "page": approvals.page })
}

fn keys(keys: &[PinnedKey]) -> Vec<String> {
    keys.iter().map(|pinned| pinned.key.to_string()).collect()
}

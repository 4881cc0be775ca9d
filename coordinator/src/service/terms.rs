//! What an intent must meet before it becomes a withdrawal: signature, time, kind, destination.

use bitcoin::{Amount, Script};
use policies::descriptor::OwnScripts;
use policies::document::Policy;
use policies::{Intent, IntentHash, IntentKind, Keychain, RequestSignature, UnixTime, VaultId};
use watchtower::store::database::Transaction;
use watchtower::store::scripts;

use super::withdrawals::existing;
use super::{ServiceError, WithdrawalError};
use crate::store::vaults::VaultRow;
use crate::store::withdrawals::WithdrawalKey;
use crate::store::{addresses, vaults};

/// How far beyond the highest index in use the vault's own scripts are looked for (D6).
const OWN_SCRIPTS_BEYOND: u32 = 1000;

/// Whether a pinned requester of this vault signed the intent.
pub(super) fn verify_request(
    policy: &Policy,
    vault: VaultId,
    intent: &Intent,
    hash: IntentHash,
    request: &RequestSignature,
) -> Result<(), ServiceError> {
    if intent.vault != vault {
        return Err(WithdrawalError::OtherVault {
            expected: vault,
            found: intent.vault,
        }
        .into());
    }
    let (owner, public) = policy
        .requester_of_key(request.key)
        .ok_or(WithdrawalError::UnknownRequestKey { key: request.key })?;
    if owner.name != intent.requester.as_str() {
        return Err(WithdrawalError::OtherRequester {
            key: request.key,
            owner: owner.name.clone(),
            requester: intent.requester.clone(),
        }
        .into());
    }
    request
        .verify(public, vault, hash)
        .map_err(|error| ServiceError::Withdrawal(WithdrawalError::RequestSignature(error)))
}

/// What a new intent must meet beside its signature and the rules.
pub(super) async fn check_terms(
    tx: &mut Transaction,
    vault: &VaultRow,
    policy: &Policy,
    intent: &Intent,
    now: UnixTime,
) -> Result<(), ServiceError> {
    if intent.keyset != vault.keyset {
        return Err(WithdrawalError::OtherKeyset {
            expected: vault.keyset,
            found: intent.keyset,
        }
        .into());
    }
    if intent.expires <= now {
        return Err(WithdrawalError::IntentExpired {
            expires: intent.expires,
            now,
        }
        .into());
    }
    let latest = now.saturating_add(policy.limits.clock_skew);
    if intent.created > latest {
        return Err(WithdrawalError::IntentFromTheFuture {
            created: intent.created,
            latest,
        }
        .into());
    }
    if intent.replaces.is_some() {
        return Err(WithdrawalError::NotYet {
            what: "an intent that replaces another",
        }
        .into());
    }
    if let Some(repeated) = &intent.repeats {
        let key = WithdrawalKey {
            vault: vault.id,
            requester: intent.requester.clone(),
            id: repeated.clone(),
        };
        existing(tx, &key).await?;
    }
    // Only a sweep may pay less than its amount.
    check_destination(&intent.script_pubkey, intent.min)?;
    let own = is_own(tx, vault, policy, &intent.script_pubkey).await?;
    let others = policy.other_vault_of(&intent.script_pubkey);
    match intent.kind {
        IntentKind::Payment | IntentKind::Sweep if own || others.is_some() => {
            Err(ServiceError::Withdrawal(WithdrawalError::OwnScript))
        }
        IntentKind::Payment | IntentKind::Sweep => Ok(()),
        IntentKind::Transfer if own => is_deposit_address(tx, vault, &intent.script_pubkey).await,
        IntentKind::Transfer => match others {
            None => Err(ServiceError::Withdrawal(
                WithdrawalError::TransferToStranger,
            )),
            Some(other) => match vaults::lookup(tx, other.vault).await? {
                // Of a vault that another coordinator serves, that one knows which addresses it issued.
                None => Ok(()),
                Some(other) => is_deposit_address(tx, &other, &intent.script_pubkey).await,
            },
        },
    }
}

/// Whether a transfer pays a deposit address that was issued: of any other script of the vault nobody
/// would notice what it receives, and one of a former keyset would have it drained at once.
async fn is_deposit_address(
    tx: &mut Transaction,
    vault: &VaultRow,
    script: &Script,
) -> Result<(), ServiceError> {
    let issued = scripts::watched_script(tx, script)
        .await?
        .is_some_and(|watched| {
            watched.vault == vault.id
                && watched.keyset == vault.keychain
                && watched.keychain == Keychain::External
        });
    issued
        .then_some(())
        .ok_or(ServiceError::Withdrawal(WithdrawalError::TransferNotIssued))
}

/// The scripts that withdrawals may pay, and the least amount for each.
fn check_destination(script: &Script, amount: Amount) -> Result<(), ServiceError> {
    let allowed = script.is_p2pkh()
        || script.is_p2sh()
        || script.is_p2wpkh()
        || script.is_p2wsh()
        || script.is_p2tr();
    if !allowed {
        return Err(WithdrawalError::ScriptNotAllowed {
            script: script.to_owned(),
        }
        .into());
    }
    let minimum = script.minimal_non_dust();
    if amount < minimum {
        return Err(WithdrawalError::Dust { amount, minimum }.into());
    }
    Ok(())
}

/// Whether a script is the vault's own: watched, or derived from a descriptor of any of its keysets.
pub(super) async fn is_own(
    tx: &mut Transaction,
    vault: &VaultRow,
    policy: &Policy,
    script: &Script,
) -> Result<bool, ServiceError> {
    if scripts::watched_script(tx, script)
        .await?
        .is_some_and(|watched| watched.vault == vault.id)
    {
        return Ok(true);
    }
    let mut highest = 0;
    for row in vaults::keysets(tx, vault.id).await? {
        for keychain in Keychain::BOTH {
            highest = highest.max(addresses::next_index(tx, row.keychain, keychain).await?);
        }
    }
    let upto = highest.saturating_add(OWN_SCRIPTS_BEYOND);
    // Also those of former keysets: what they receive would come back to people who may have left.
    Ok(policy
        .keysets()
        .any(|keyset| OwnScripts::new(keyset.descriptor, upto).contains(script)))
}

#[cfg(test)]
mod tests {
    use bitcoin::ScriptBuf;
    use bitcoin::hex::FromHex;

    use super::*;

    fn script(hex: &str) -> ScriptBuf {
        ScriptBuf::from_bytes(Vec::from_hex(hex).expect("hex"))
    }

    #[test]
    fn only_common_scripts_are_paid() {
        let amount = Amount::from_sat(100_000);
        let refused = [
            "6a0474657374".to_owned(),          // OP_RETURN
            "51024e73".to_owned(),              // P2A: anyone can spend it
            format!("5220{}", "11".repeat(32)), // witness version 2
            format!("6020{}", "11".repeat(32)), // witness version 16
            format!("0010{}", "11".repeat(16)), // version 0 of another length
            format!("5102{}", "11".repeat(2)),  // version 1 of another length
            format!("21{}ac", "02".repeat(33)), // p2pk
        ];
        for hex in refused {
            assert!(
                matches!(
                    check_destination(&script(&hex), amount),
                    Err(ServiceError::Withdrawal(
                        WithdrawalError::ScriptNotAllowed { .. }
                    ))
                ),
                "{hex}"
            );
        }
        let paid = [
            format!("0014{}", "11".repeat(20)),
            format!("0020{}", "11".repeat(32)),
            format!("5120{}", "11".repeat(32)),
            format!("76a914{}88ac", "11".repeat(20)),
            format!("a914{}87", "11".repeat(20)),
        ];
        for hex in paid {
            check_destination(&script(&hex), amount).expect("paid");
        }
    }

    #[test]
    fn dust_is_refused_by_the_least_of_its_script() {
        let p2wpkh = script(&format!("0014{}", "11".repeat(20)));
        check_destination(&p2wpkh, Amount::from_sat(294)).expect("the least");
        assert!(matches!(
            check_destination(&p2wpkh, Amount::from_sat(293)),
            Err(ServiceError::Withdrawal(WithdrawalError::Dust { minimum, .. })) if minimum == Amount::from_sat(294)
        ));
    }
}

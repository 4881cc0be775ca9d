//! The outputs of an attempt: whose each is, and whether change is proven.
//!
//! Invariant: an output is called change only where its script was derived again, here and now, from a policy version
//! of this vault at the index that the manifest names.

use bitcoin::{Address, Script, Transaction as BitcoinTransaction};
use policies::document::{Policy, Recovery};
use policies::psbt::Manifest;
use policies::{Intent, Keychain, RequesterName, WithdrawalId};
use watchtower::store::database::Transaction;

use crate::service::{Service, ServiceError};
use crate::store::attempts::AttemptRow;
use crate::store::payments;
use crate::store::withdrawals::{self, WithdrawalKey};

/// An output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFacts {
    /// Its number.
    pub output: u32,
    /// Its amount.
    pub amount_sat: u64,
    /// Its address.
    pub address: Option<String>,
    /// Its script in hex, for what has no address.
    pub script: String,
    /// Whose it is.
    pub kind: OutputKind,
}

/// Whose an output is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputKind {
    /// It pays a withdrawal.
    Payment {
        /// Who asked for it.
        requester: RequesterName,
        /// Its id.
        id: WithdrawalId,
        /// The requester's own words.
        reference: String,
        /// The name of the withdrawal's state; empty where it is not known here.
        state: String,
    },
    /// It returns to the vault, and its script was derived again.
    Change {
        /// The index on the internal keychain.
        index: u32,
        /// The number of the policy version.
        version: u32,
    },
    /// It pays the address that the policy pins for recoveries.
    Recovery,
    /// Nothing shows whose it is.
    Unknown,
}

pub(in crate::service) async fn outputs(
    service: &Service,
    tx: &mut Transaction,
    row: &AttemptRow,
    policy: &Policy,
    transaction: &BitcoinTransaction,
    manifest: Option<&Manifest>,
) -> Result<Vec<OutputFacts>, ServiceError> {
    let mut paid = paid(tx, row, manifest).await?;
    let mut facts = Vec::new();
    for (number, output) in (0_u32..).zip(&transaction.output) {
        let script = output.script_pubkey.as_script();
        let place = paid
            .iter()
            .position(|(at, intent)| at.map_or(intent.script_pubkey == *script, |at| at == number));
        let kind = match place.map(|place| paid.remove(place)) {
            Some((_, intent)) => payment(tx, row, intent).await?,
            None => own(service, tx, policy, manifest, number, script).await?,
        };
        facts.push(OutputFacts {
            output: number,
            amount_sat: output.value.to_sat(),
            address: Address::from_script(script, policy.network)
                .ok()
                .map(|address| address.to_string()),
            script: script.to_hex_string(),
            kind,
        });
    }
    Ok(facts)
}

/// The intents that it pays, each with its output where the manifest names that.
async fn paid(
    tx: &mut Transaction,
    row: &AttemptRow,
    manifest: Option<&Manifest>,
) -> Result<Vec<(Option<u32>, Intent)>, ServiceError> {
    if let Some(manifest) = manifest {
        let named = manifest.payments.iter().filter_map(|(output, hash)| {
            let intent = Intent::decode(manifest.intents.get(hash)?).ok()?;
            Some((Some(*output), intent))
        });
        return Ok(named.collect());
    }
    let mut paid = Vec::new();
    for key in payments::of_attempt(tx, row.txid).await? {
        let known = withdrawals::lookup(tx, &key).await?;
        paid.extend(known.map(|withdrawal| (None, withdrawal.intent)));
    }
    Ok(paid)
}

async fn payment(
    tx: &mut Transaction,
    row: &AttemptRow,
    intent: Intent,
) -> Result<OutputKind, ServiceError> {
    let key = WithdrawalKey {
        vault: row.vault,
        requester: intent.requester.clone(),
        id: intent.id.clone(),
    };
    let known = withdrawals::lookup(tx, &key).await?;
    Ok(OutputKind::Payment {
        requester: intent.requester,
        id: intent.id,
        reference: intent.reference,
        state: known.map_or_else(String::new, |known| known.state.name().to_owned()),
    })
}

/// What does not pay a withdrawal: change is derived again, anything else is compared with what the policy pins.
async fn own(
    service: &Service,
    tx: &mut Transaction,
    policy: &Policy,
    manifest: Option<&Manifest>,
    number: u32,
    script: &Script,
) -> Result<OutputKind, ServiceError> {
    let named = manifest.and_then(|manifest| manifest.changes.get(&number));
    if let Some((version, index)) = named {
        let named = service.policy(tx, *version).await?;
        let derived = named.descriptor.script_pubkey(Keychain::Internal, *index);
        if named.vault == policy.vault && derived.as_script() == script {
            return Ok(OutputKind::Change {
                index: *index,
                version: named.version,
            });
        }
        return Ok(OutputKind::Unknown);
    }
    let known = watchtower::store::scripts::watched_script(tx, script).await?;
    if let Some(known) = known.filter(|known| known.vault == policy.vault) {
        let again = policy.keyset_of(known.keychain, known.index, script);
        if again.is_some() && known.keychain == Keychain::Internal {
            return Ok(OutputKind::Change {
                index: known.index,
                version: policy.version,
            });
        }
    }
    Ok(match &policy.recovery {
        Recovery::Address(address) if address.script_pubkey().as_script() == script => {
            OutputKind::Recovery
        }
        Recovery::Address(_) | Recovery::Newest => OutputKind::Unknown,
    })
}

//! The requester's part: builds an intent of the pinned policy and signs it.

use crate::failure::{Class, Explained};
use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Amount};
use policies::destination::{DestinationError, check_destination};
use policies::intent::{IntentError, SecretKey};
use policies::{
    Intent, IntentKind, Policy, PublicKey, RequestSignature, RequesterName, UnixTime, WithdrawalId,
};
use serde::{Deserialize, Serialize};

/// What somebody wants to have paid.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The withdrawal's id.
    pub id: WithdrawalId,
    /// Payment, transfer or sweep.
    pub kind: IntentKind,
    /// Where to, for a network yet to be checked.
    pub address: Address<NetworkUnchecked>,
    /// The most that may be paid.
    pub amount: Amount,
    /// The least, for a sweep.
    pub min: Option<Amount>,
    /// Seconds that it stays valid.
    pub valid_for: u64,
    /// The first id of the line that it replaces.
    pub replaces: Option<WithdrawalId>,
    /// The id that it pays again.
    pub repeats: Option<WithdrawalId>,
    /// The requester's own words.
    pub reference: String,
}

/// A signed intent, as the coordinator's interface takes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedRequest {
    /// The intent's canonical bytes.
    pub intent: String,
    /// The key that signed.
    pub key: policies::KeyId,
    /// Its signature.
    pub signature: policies::Signature,
}

/// Why nothing is requested.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The key is no requester's.
    #[error("the policy names no requester with the key {0}")]
    NotARequester(policies::PublicKey),
    /// The intent names another requester than the key's.
    #[error("the intent is one of the requester {named}; this key is that of {own}")]
    OtherRequester {
        /// Whose the key is.
        own: String,
        /// Whom the intent names.
        named: RequesterName,
    },
    /// The requester's name cannot stand in an intent.
    #[error("the requester's name in the policy: {0}")]
    Name(policies::intent::NameError),
    /// The address cannot be paid: it is of another network, or of a kind that is not paid.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// A sweep pays its coins less the fee: without a least amount it could never be paid.
    #[error("a sweep needs the least that may be paid")]
    NoMinimum,
    /// The validity ends beyond all time.
    #[error("it would never expire")]
    NeverExpires,
    /// The intent is none.
    #[error(transparent)]
    Intent(#[from] IntentError),
}

/// Builds and signs the intent of a wish.
///
/// # Errors
/// When the key is no requester's of the policy, or the wish makes no valid intent.
pub fn request(
    policy: &Policy,
    key: &SecretKey,
    wish: Wish,
    now: UnixTime,
) -> Result<(Intent, SignedRequest), RequestError> {
    let (requester, _) = policy
        .requester_of_key(key.public().id())
        .ok_or(RequestError::NotARequester(key.public()))?;
    let requester: RequesterName = requester.name.parse().map_err(RequestError::Name)?;
    let address = check_destination(wish.address, policy.network)?;
    if wish.kind == IntentKind::Sweep && wish.min.is_none() {
        return Err(RequestError::NoMinimum);
    }
    let intent = Intent {
        vault: policy.vault,
        keyset: policy.keyset,
        requester,
        id: wish.id,
        kind: wish.kind,
        script_pubkey: address.script_pubkey(),
        amount: wish.amount,
        min: wish.min.unwrap_or(wish.amount),
        created: now,
        expires: now
            .checked_add(wish.valid_for)
            .ok_or(RequestError::NeverExpires)?,
        replaces: wish.replaces,
        repeats: wish.repeats,
        reference: wish.reference,
    };
    let intent = Intent::decode(&intent.encode())?;
    let request = sign(key, &intent);
    Ok((intent, request))
}

/// Reads an intent that somebody else drafted, for the requester whose key is to sign it.
///
/// # Errors
/// When it is no canonical intent, or the key is not that of the requester it names.
pub fn drafted(policy: &Policy, key: &PublicKey, text: &str) -> Result<Intent, RequestError> {
    let intent = Intent::decode(text.as_bytes())?;
    let (requester, _) = policy
        .requester_of_key(key.id())
        .ok_or(RequestError::NotARequester(*key))?;
    if requester.name != intent.requester.as_str() {
        return Err(RequestError::OtherRequester {
            own: requester.name.clone(),
            named: intent.requester,
        });
    }
    Ok(intent)
}

/// Signs an intent that its requester has read.
pub fn sign(key: &SecretKey, intent: &Intent) -> SignedRequest {
    let signed = RequestSignature::sign(key, intent.vault, intent.hash());
    SignedRequest {
        intent: String::from_utf8(intent.encode()).expect("canonical bytes are ASCII"),
        key: signed.key,
        signature: signed.signature,
    }
}

impl Explained for RequestError {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotARequester(_) => "NOT_A_REQUESTER",
            Self::OtherRequester { .. } => "OTHER_REQUESTER",
            Self::Name(_) => "REQUESTER_NAME",
            Self::Destination(error) => error.code(),
            Self::NoMinimum => "NO_MINIMUM",
            Self::NeverExpires => "NEVER_EXPIRES",
            Self::Intent(_) => "BAD_INTENT",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotARequester(_) => {
                "give --key NAME of a key that the policy names under [[requesters]]"
            }
            Self::OtherRequester { .. } => {
                "use the home of the requester whom it names, or have it drafted for yours"
            }
            Self::Destination(error) => error.hint(),
            Self::NoMinimum => "give --min-sat SAT, below --amount-sat",
            Self::Name(_) => "nothing can be asked for under that name: have the policy changed",
            Self::NeverExpires => "give a shorter --expires-in",
            Self::Intent(_) => "change what the message names, and ask again",
        }
        .to_owned()
    }
}

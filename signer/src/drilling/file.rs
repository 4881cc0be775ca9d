//! The file of a drill, and that of a whole proof: which proof is meant, and the signatures over it.
//!
//! Invariant: message and address stand in it for people. Where they are not those that the policy gives, the file
//! is refused.

use super::DrillError;
use bitcoin::psbt::Psbt;
use policies::proof::{Full, Place, Proof};
use policies::psbt::{Encoding, Intake, read_intake};
use policies::{Keychain, Policy, PolicyId, VaultId};
use serde::{Deserialize, Serialize};

/// The format of one signer's drill.
const DRILL: &str = "countersign/drill/1";
/// The format of the whole proof of an address.
const WHOLE: &str = "countersign/proof/1";

/// The most bytes of such a file.
pub const MAX_BYTES: u64 = 1 << 20;

/// A drill or a whole proof as a file, with the proof that it means made anew.
#[derive(Debug, Clone)]
pub struct Read<'a> {
    /// What is to be proved.
    pub proof: Proof<'a>,
    /// What is said to prove it.
    pub claim: Claim,
}

/// What is said to prove something.
#[derive(Debug, Clone)]
pub enum Claim {
    /// Signatures of one signer, or of several.
    Signed(Intake),
    /// The signature of BIP 322 for the address.
    Whole(String),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    vault: VaultId,
    policy: PolicyId,
    keychain: String,
    index: u32,
    day: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
    address: String,
    message: String,
    /// A hint for people; who signed is seen by the signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    psbt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

/// Writes a drill: one line of JSON for each field.
pub fn write(proof: &Proof<'_>, signer: &str, psbt: &Psbt) -> Vec<u8> {
    let base64 = Encoding::Base64.encode(&psbt.serialize());
    written(&File {
        signer: Some(signer.to_owned()),
        psbt: Some(String::from_utf8_lossy(&base64).into_owned()),
        ..file(DRILL, proof)
    })
}

/// Writes a whole proof.
pub fn write_whole(proof: &Proof<'_>, full: &Full) -> Vec<u8> {
    written(&File {
        signature: Some(full.to_string()),
        ..file(WHOLE, proof)
    })
}

fn file(format: &str, proof: &Proof<'_>) -> File {
    let place = proof.place();
    File {
        format: format.to_owned(),
        vault: proof.policy().vault,
        policy: proof.policy().id,
        keychain: place.keychain.name().to_owned(),
        index: place.index,
        day: proof.day().to_string(),
        challenge: proof.challenge().map(ToString::to_string),
        address: proof.address().to_string(),
        message: proof.message().to_owned(),
        signer: None,
        psbt: None,
        signature: None,
    }
}

fn written(file: &File) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(file).expect("a drill is plain JSON");
    text.push(b'\n');
    text
}

/// Reads a drill or a whole proof, and makes what it means anew under the policy version that it names.
///
/// # Errors
/// [`DrillError`] when it is neither, or is of another vault or of a version that is not among these.
pub fn read<'a>(bytes: &[u8], versions: &'a [Policy]) -> Result<Read<'a>, DrillError> {
    let file: File = serde_json::from_slice(bytes).map_err(|_| DrillError::NotADrill)?;
    let claim = match (file.format.as_str(), &file.psbt, &file.signature) {
        (DRILL, Some(psbt), None) => Claim::Signed(read_intake(psbt.as_bytes())?),
        (WHOLE, None, Some(signature)) => Claim::Whole(signature.clone()),
        _ => return Err(DrillError::NotADrill),
    };
    let named = |policy: &&Policy| policy.id == file.policy;
    let policy = versions.iter().find(named);
    let policy =
        policy
            .filter(|policy| policy.vault == file.vault)
            .ok_or(DrillError::OtherPolicy {
                policy: file.policy,
            })?;
    let mut keychains = Keychain::BOTH.into_iter();
    let place = Place {
        keychain: keychains
            .find(|keychain| keychain.name() == file.keychain)
            .ok_or(DrillError::NotADrill)?,
        index: file.index,
    };
    let day = file.day.parse().map_err(|_| DrillError::NotADrill)?;
    let challenge = file.challenge.as_deref().map(str::parse).transpose();
    let challenge = challenge.map_err(|_| DrillError::NotADrill)?;
    let proof = Proof::of(policy, place, day, challenge)?;
    if proof.message() != file.message || proof.address().to_string() != file.address {
        return Err(DrillError::Altered);
    }
    Ok(Read { proof, claim })
}

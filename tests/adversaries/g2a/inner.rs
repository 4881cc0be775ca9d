//! What a refusal's code alone does not tell: which condition of a rule failed, what a passkey really said.

use policies::intent::SignatureError;
use policies::review::{ApprovalRefusal, Refusal};
use policies::rules::DenyReason;
use signer::countersign::CountersignError;

/// The reasons within the reasons: codes of the conditions of rules and of what a passkey said,
/// and `signature` for one that is not the key's.
pub(super) fn within(error: &CountersignError) -> Vec<String> {
    let CountersignError::Refused(refusals) = error else {
        return Vec::new();
    };
    refusals.iter().flat_map(of_one).collect()
}

fn of_one(refusal: &Refusal) -> Vec<String> {
    if let Refusal::Denied {
        reason: DenyReason::NoMatchingRule { missed },
        ..
    } = refusal
    {
        let codes = missed.iter().map(|missed| missed.miss.code().to_owned());
        return codes.collect();
    }
    let Refusal::Approval(ApprovalRefusal::Wrong { error, .. }) = refusal else {
        return Vec::new();
    };
    vec![if let SignatureError::Assertion(said) = error {
        said.code().to_owned()
    } else if *error == SignatureError::Wrong {
        "signature".to_owned()
    } else {
        error.to_string()
    }]
}

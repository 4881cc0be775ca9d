//! The policy document: one TOML file that people review and everything else obeys.
//!
//! Invariant: a [`Policy`] exists only if its exact bytes passed every check here; its id is the
//! SHA-256 of those bytes. The format is described in `docs/formats.md`.

mod bytes;
mod check;
mod draft;
mod duration;
mod edit;
mod feerate;
mod keysets;
mod limits;
mod mistake;
mod network;
mod offered;
mod other_vault;
mod parse;
mod people;
mod policy;
mod reader;
mod rule;
mod words;

pub use draft::{
    ApprovalsDraft, ApproverDraft, ChangeLimitsDraft, ConfirmationsDraft, DeviceDraft,
    FeeBudgetDraft, GoDraft, HeadDraft, InclusionDraft, LimitsDraft, ListDraft, MaintenanceDraft,
    OpenDraft, OtherVaultDraft, PinnedKeyDraft, PolicyDraft, RecoveryDraft, RequesterDraft,
    RuleDraft, SelfSpendBudgetDraft, SignerDraft, SpendingDraft, StopDraft, SuccessionDraft,
    TestFirstDraft, TransactionLimitsDraft, WindowDraft,
};
pub use duration::{DurationError, format_duration, parse_duration};
pub(crate) use edit::{Edit, Step as EditStep, quoted};
pub use feerate::{FeeRateError, format_sat_per_vb, parse_sat_per_vb};
pub use keysets::KeysetView;
pub use limits::{FeeBudget, Inclusion, Limits, SelfSpendBudget};
pub use mistake::{Mistake, NeverMatches, Problem};
pub use network::{genesis_of, name_of_network, network_of_name};
pub use offered::{Offered, OfferedError, Seat, SeatRecord, read_offered};
pub use other_vault::OtherVault;
pub(crate) use parse::signer_records;
pub use people::{Approver, Device, PinnedKey, Requester, Signer, SignerKey, SignerKeyError, Tool};
pub use policy::{
    DoublePayment, FormerKeyset, GoRule, Head, MAX_BYTES, Policy, Recovery, Succession,
};
pub use rule::{Approvals, List, Open, Rule, TestFirst, Window};
pub use words::{WordsError, id_of, policy_id_from_text, words_of};

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

//! The review of a vault's policy: all that its pages show of a version, and of what changes from one to another.
//!
//! Invariant: nothing is decided here. What a version means comes from the rule-book's own analysis and words, so that
//! the page says what `policy show` and `policy diff` say at anybody's own machine.

mod bands;
mod case;
mod comparing;
mod devices;
mod draft;
mod found;
mod keys;
pub mod lines;
mod replaying;
mod rulebook;
mod spending;
mod view;

pub use bands::{Band, bands};
pub use case::{Case, Follower, Signature, case, succession_file};
pub use comparing::{Comparison, DifferenceView, MistakeView, PartView, compare};
pub use devices::DeviceView;
pub use draft::{DocumentMistake, Draft, Proposable, beginning, examine};
pub use keys::{ApproverView, KeyView, PeopleView, RequesterView, SignerView};
pub use replaying::{REPLAY_DAYS, REPLAYED, ReplayView, ReplayedView, replay_version};
pub use rulebook::{FactView, ListedView, OtherVaultView, RuleView, RulebookView};
pub use spending::{
    BoundView, Costs, FeerateView, PathView, SetsView, SpendingView, StageView, TheftView,
};
pub use view::{
    ExportView, PolicyReview, StandingOf, WarningView, document, exported, review, review_json,
};

//! A treasury as one finds it after a busy week: people with roles, many withdrawals in every state, batches
//! of many outputs, coins, a list of counterparties, a next policy version. For pages to be looked at.

mod dialogs;
mod history;
mod pages;
mod policy;

pub use self::dialogs::Dialog;
pub use self::history::{Size, Traces};
pub use self::pages::Page;

use policies::ScriptKind;
use policies::document::PolicyDraft;
use serde_json::json;

use crate::signer_home::text;
use crate::{
    Bitcoind, Coordinator, Engine, Failure, People, Settings, SignerHome, Store, Treasury,
};

/// The treasury and those of its people whom most scenarios do without.
#[derive(Debug)]
pub struct Showcase {
    /// The treasury.
    pub treasury: Treasury,
    /// An approver of `ops` and `board`.
    pub erin: SignerHome,
    /// An approver of `board`.
    pub frank: SignerHome,
    /// A person who asks for withdrawals with a key of their own.
    pub rita: SignerHome,
    draft: PolicyDraft,
}

impl Showcase {
    /// Begins with people and an empty vault.
    pub fn begin(engine: Engine) -> Result<Self, Failure> {
        let [erin, frank, rita] = ["erin", "frank", "rita"].map(SignerHome::new);
        let (erin, frank, rita) = (erin?, frank?, rita?);
        let keys = policy::Keys {
            erin: erin.make_approver()?,
            frank: frank.make_approver()?,
            rita: rita.make_requester()?,
        };
        let node = Bitcoind::start()?;
        let store = Store::start(engine)?;
        let mut agreed = None;
        let edit = |draft: &mut PolicyDraft| {
            policy::extend(draft, keys);
            agreed = Some(draft.clone());
        };
        let people = People::agree_edited(ScriptKind::Wsh, &node, edit)?;
        let coordinator = Coordinator::start(&store, &node, &Settings::default())?;
        let treasury = Treasury::assemble(node, store, people, coordinator)?;
        let policy = &treasury.people.policy;
        for home in [&erin, &frank, &rita] {
            home.pin(&policy.bytes, policy.id)?;
        }
        Ok(Self {
            treasury,
            erin,
            frank,
            rita,
            draft: agreed.ok_or_else(|| Failure::new("no policy was agreed on"))?,
        })
    }

    /// A statement of the open list, made with a person's own tool and handed in.
    fn say(&self, who: &SignerHome, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
        let said = who
            .run(&[&["list"], arguments, &["--yes"]].concat())?
            .done()?;
        let file = who.bring("said.json", &said.stdout)?;
        self.treasury
            .command_line(&["statement", "submit", text(&file)?])?
            .done()?;
        Ok(said.stdout)
    }

    /// Marks a signer as an operator does.
    fn mark(&self, signer: &str, mark: &str, reason: &str) -> Result<(), Failure> {
        let path = self.treasury.path(&format!("/signers/{signer}/mark"));
        self.treasury
            .operator()
            .put(&path, &json!({ "mark": mark, "reason": reason }))?
            .done()?;
        Ok(())
    }
}

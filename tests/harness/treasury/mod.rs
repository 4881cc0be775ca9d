//! A whole treasury: people with keys, a pinned policy, a running coordinator, and a node.

mod document;
mod money;
mod people;
mod rebuilding;
mod requests;
mod visitors;

pub use self::document::{AUTOMATIC_MAX_SAT, Terms, hot_wallet};
pub use self::people::{People, requester_key};

use std::fmt::Write as _;
use std::path::PathBuf;

use policies::ScriptKind;
use policies::document::PolicyDraft;
use serde_json::{Value, json};

use crate::coordinator::{Coordinator, Settings};
use crate::signer_home::{field, text};
use crate::{Api, Bitcoind, Engine, Failure, Process, Said, Store};

/// Everything that one scenario acts in.
#[derive(Debug)]
pub struct Treasury {
    // Processes first, so that each has ended before what it needs.
    cosigner: Option<Process>,
    /// The coordinator and its watchtower.
    pub coordinator: Coordinator,
    /// The database.
    pub store: Store,
    /// The people, with the policy.
    pub people: People,
    /// The node.
    pub node: Bitcoind,
    tokens: Tokens,
}

#[derive(Debug)]
struct Tokens {
    service: String,
    signer: String,
    auditor: String,
}

impl Tokens {
    /// A token for everyone who has a part.
    fn make(operator: &Api) -> Result<Self, Failure> {
        let token = |name: &str, role: &str| {
            let body = json!({ "name": name, "role": role });
            field(&operator.post("/tokens", &body)?.done()?, "secret")
        };
        Ok(Self {
            service: token("exchange", "service")?,
            signer: token("machine", "signer")?,
            auditor: token("auditor", "auditor")?,
        })
    }
}

impl Treasury {
    /// A treasury that is ready for its first deposit.
    pub fn start(kind: ScriptKind, engine: Engine) -> Result<Self, Failure> {
        Self::start_with(kind, engine, &Settings::default())
    }

    /// The same with a coordinator of other settings.
    pub fn start_with(
        kind: ScriptKind,
        engine: Engine,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        Self::start_on(kind, engine, settings, &Terms::default())
    }

    /// The same under a policy of other terms.
    pub fn start_under(kind: ScriptKind, engine: Engine, terms: &Terms) -> Result<Self, Failure> {
        Self::start_on(kind, engine, &Settings::default(), terms)
    }

    fn start_on(
        kind: ScriptKind,
        engine: Engine,
        settings: &Settings,
        terms: &Terms,
    ) -> Result<Self, Failure> {
        let node = Bitcoind::start()?;
        let store = Store::start(engine)?;
        let people = People::agree_on(kind, &node, terms)?;
        let coordinator = Coordinator::start(&store, &node, settings)?;
        Self::assemble(node, store, people, coordinator)
    }

    /// A treasury whose policy was edited before anybody pinned it.
    pub fn start_edited(
        kind: ScriptKind,
        engine: Engine,
        edit: impl FnOnce(&mut PolicyDraft),
    ) -> Result<Self, Failure> {
        Self::start_on_node(Bitcoind::start()?, kind, engine, edit)
    }

    /// The same on a node that runs.
    pub fn start_on_node(
        node: Bitcoind,
        kind: ScriptKind,
        engine: Engine,
        edit: impl FnOnce(&mut PolicyDraft),
    ) -> Result<Self, Failure> {
        let store = Store::start(engine)?;
        let people = People::agree_edited(kind, &node, edit)?;
        let coordinator = Coordinator::start(&store, &node, &Settings::default())?;
        Self::assemble(node, store, people, coordinator)
    }

    /// A treasury whose policy was edited by what was agreed on before, on the same node.
    pub fn start_beside<E: FnOnce(&mut PolicyDraft)>(
        kind: ScriptKind,
        engine: Engine,
        before: impl FnOnce(&Bitcoind) -> Result<E, Failure>,
    ) -> Result<Self, Failure> {
        let node = Bitcoind::start()?;
        let store = Store::start(engine)?;
        let edit = before(&node)?;
        let people = People::agree_edited(kind, &node, edit)?;
        let coordinator = Coordinator::start(&store, &node, &Settings::default())?;
        Self::assemble(node, store, people, coordinator)
    }

    /// Adds the people's vault to a running coordinator and gives tokens to everyone.
    pub fn assemble(
        node: Bitcoind,
        store: Store,
        people: People,
        coordinator: Coordinator,
    ) -> Result<Self, Failure> {
        let operator = Api::new(coordinator.url(), Some(coordinator.token()));
        let document = String::from_utf8(people.policy.bytes.clone())?;
        let added = operator
            .post("/vaults", &json!({ "document": document }))?
            .done()?;
        if field(&added, "vault")? != people.policy.vault.to_string() {
            return Err(Failure::new(format!("another vault was added: {added}")));
        }
        let tokens = Tokens::make(&operator)?;
        Ok(Self {
            cosigner: None,
            coordinator,
            store,
            people,
            node,
            tokens,
        })
    }

    /// Ends its programs, and gives back what another treasury can begin on.
    pub fn dissolve(self) -> (Bitcoind, Store) {
        (self.node, self.store)
    }

    /// The operator's calls.
    pub fn operator(&self) -> Api {
        Api::new(self.coordinator.url(), Some(self.coordinator.token()))
    }

    /// The service's calls.
    pub fn service(&self) -> Api {
        Api::new(self.coordinator.url(), Some(&self.tokens.service))
    }

    /// A signer's calls.
    pub fn signer(&self) -> Api {
        Api::new(self.coordinator.url(), Some(&self.tokens.signer))
    }

    /// The auditor's calls.
    pub fn auditor(&self) -> Api {
        Api::new(self.coordinator.url(), Some(&self.tokens.auditor))
    }

    /// A new token.
    pub fn token(&self, name: &str, role: &str) -> Result<String, Failure> {
        let body = json!({ "name": name, "role": role });
        field(&self.operator().post("/tokens", &body)?.done()?, "secret")
    }

    /// The service's token.
    pub fn service_token(&self) -> &str {
        &self.tokens.service
    }

    /// The path of something of the vault, such as `/deposits`.
    pub fn path(&self, tail: &str) -> String {
        format!("/vaults/{}{tail}", self.people.policy.vault)
    }

    /// Starts the automatic co-signer.
    pub fn start_cosigner(&mut self) -> Result<(), Failure> {
        let process = self
            .people
            .machine
            .serve(self.coordinator.url(), &self.tokens.signer)?;
        self.cosigner = Some(process);
        Ok(())
    }

    /// Starts the automatic co-signer with an inbox, and gives that folder.
    pub fn start_cosigner_with_inbox(&mut self) -> Result<PathBuf, Failure> {
        let (process, inbox) = self
            .people
            .machine
            .serve_with_inbox(self.coordinator.url(), &self.tokens.signer)?;
        self.cosigner = Some(process);
        Ok(inbox)
    }

    /// What the co-signer said so far.
    pub fn cosigner_log(&self) -> Result<String, Failure> {
        let log = self.cosigner.as_ref().map(Process::log);
        log.unwrap_or_else(|| Ok(String::new()))
    }

    /// Fails if a program ended by itself or panicked.
    #[track_caller]
    pub fn must_be_well(&mut self) -> Result<(), Failure> {
        if let Some(cosigner) = &mut self.cosigner {
            cosigner.must_run()?;
            if cosigner.log()?.contains("panicked at") {
                return Err(Failure::new(format!(
                    "the co-signer panicked:\n{}",
                    cosigner.last_words()
                )));
            }
        }
        self.coordinator.must_be_well()
    }

    /// The ends of all logs, each below its program's name.
    pub fn last_words(&self) -> String {
        let mut words = self.node.last_words();
        words += &self.coordinator.last_words();
        if let Some(cosigner) = &self.cosigner {
            words += &cosigner.titled_last_words();
        }
        words
    }

    /// How much of everything is stored: equal before and after means that nothing was changed.
    pub fn census(&self) -> Result<String, Failure> {
        let tables = [
            "policy",
            "vault",
            "vault_marks",
            "address",
            "watched_script",
            "withdrawal",
            "withdrawal_speed",
            "queue_hold",
            "approval",
            "batch",
            "reservation",
            "attempt",
            "attempt_signature",
            "attempt_receipt",
            "attempt_reissue",
            "outgoing",
            "ledger_entry",
            "event",
            "window_count",
            "list_statement",
            "list_approval",
            "journal",
            "journal_move",
            "journal_refusal",
            "proposal",
            "proposal_approval",
            "signer_mark",
            "vault_keyset",
            "vault_statement",
            "vault_statement_approval",
            "void_wish",
            "void",
            "attempt_memory",
        ];
        let mut census = String::new();
        for table in tables {
            let count = self
                .store
                .number(&format!("SELECT COUNT(*) FROM {table}"))?;
            writeln!(census, "{table} {count}")?;
        }
        census += &self
            .store
            .sql("SELECT requester, id, state, version FROM withdrawal ORDER BY requester, id")?;
        census += &self
            .store
            .sql("SELECT state, version FROM attempt ORDER BY txid")?;
        Ok(census)
    }

    /// Runs the coordinator's command line as the operator.
    pub fn command_line(&self, arguments: &[&str]) -> Result<Said, Failure> {
        let token_file = self.coordinator.token_file();
        let access = [
            "--json",
            "--url",
            self.coordinator.url(),
            "--token-file",
            text(&token_file)?,
        ];
        self.coordinator
            .program()
            .run(&[arguments, &access].concat())
    }

    /// All sequenced events so far.
    pub fn events(&self) -> Result<Vec<Value>, Failure> {
        let answer = self.auditor().get("/events?after=0&limit=1000")?.done()?;
        Ok(crate::api::items(&answer["events"])?.to_vec())
    }
}

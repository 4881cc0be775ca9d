//! Persons in places of their own, an operator, and a coordinator that knows no vault yet: each acts by commands alone.

use std::path::{Path, PathBuf};

use bitcoin::{BlockHash, Network};
use harness::{
    Bitcoind, Coordinator, Engine, Failure, Outcome, Said, Settings, SignerHome, Store, field,
    items, requester_key,
};
use policies::UnixTime;
use policies::document::{
    ApprovalsDraft, ApproverDraft, HeadDraft, PinnedKeyDraft, PolicyDraft, RequesterDraft,
    RuleDraft, SelfSpendBudgetDraft, SuccessionDraft,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The signers of the vault that is to be.
pub(super) const SEATS: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];

/// A person with a home of the own, and beside it the token of the own sitting.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) home: SignerHome,
}

/// The place where all meet.
#[derive(Debug)]
pub(super) struct Hall {
    pub(super) coordinator: Coordinator,
    pub(super) store: Store,
    pub(super) node: Bitcoind,
}

impl Hall {
    pub(super) fn open(engine: Engine) -> Result<Self, Failure> {
        let node = Bitcoind::start()?;
        let store = Store::start(engine)?;
        let coordinator = Coordinator::start(&store, &node, &Settings::default())?;
        Ok(Self {
            coordinator,
            store,
            node,
        })
    }
}

/// A path as an argument.
pub(super) fn text(path: &Path) -> Result<&str, Failure> {
    path.to_str()
        .ok_or_else(|| Failure::new("a path that is not UTF-8"))
}

/// The coordinator's command line with the token of a file.
fn with_token(at: &Coordinator, words: &[&str], token: &Path) -> Result<Said, Failure> {
    let access = ["--url", at.url(), "--token-file", text(token)?];
    at.program().run(&[words, &access[..]].concat())
}

/// The operator's command line: `ceremony` and what follows.
pub(super) fn leads(at: &Coordinator, words: &[&str]) -> Result<Said, Failure> {
    let words = [&["ceremony"][..], words].concat();
    with_token(at, &words, &at.token_file())
}

/// Begins the ceremony of a new vault; its id.
pub(super) fn begins(at: &Coordinator) -> Result<String, Failure> {
    let mut words = vec!["new", "cold"];
    for seat in SEATS {
        words.extend(["--seat", seat]);
    }
    words.push("--json");
    field(&leads(at, &words)?.done()?.json()?, "id")
}

/// The board, as a program reads it.
pub(super) fn board(at: &Coordinator, id: &str) -> Result<Value, Failure> {
    leads(at, &["show", id, "--json"])?.done()?.json()
}

/// What the board says of one field of each seat, in their order.
pub(super) fn of_seats(board: &Value, name: &str) -> Result<Vec<String>, Failure> {
    let seats = items(&board["seats"])?.iter();
    Ok(seats
        .map(|seat| seat[name].as_str().unwrap_or_default().to_owned())
        .collect())
}

/// A link to a seat.
pub(super) fn invites(at: &Coordinator, id: &str, seat: &str) -> Result<String, Failure> {
    let said = leads(at, &["invite", id, seat])?.done()?;
    Ok(said.text().trim().to_owned())
}

/// What `ceremony join` says of a link, which comes in a file.
pub(super) fn opens(at: &Coordinator, home: &SignerHome, link: &str) -> Result<Said, Failure> {
    let file = home.bring("link.txt", link.as_bytes())?;
    let file = file.to_string_lossy();
    at.program()
        .run(&["ceremony", "join", &file, "--url", at.url()])
}

impl Person {
    /// Somebody whose home is empty.
    pub(super) fn new(name: &str) -> Result<Self, Failure> {
        let home = SignerHome::new(name)?;
        Ok(Self { home })
    }

    pub(super) fn name(&self) -> &str {
        self.home.name()
    }

    /// Makes a key; the record that is printed.
    pub(super) fn makes_key(&self) -> Result<Vec<u8>, Failure> {
        let made = ["keygen", "--network", "regtest", "--name", self.name()];
        Ok(self.home.run_plainly(&made, &[])?.done()?.stdout)
    }

    /// A file beside the home.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.home.home().with_file_name(name)
    }

    /// Uses a link up, without any token; what comes of it is kept.
    pub(super) fn joins(&self, at: &Coordinator, link: &str) -> Outcome {
        let said = opens(at, &self.home, link)?;
        self.home.bring("sitting.token", &said.done()?.stdout)?;
        Ok(())
    }

    /// The person's command line: `ceremony` and what follows, with the token of the own sitting.
    pub(super) fn sits(&self, at: &Coordinator, words: &[&str]) -> Result<Said, Failure> {
        let words = [&["ceremony"][..], words].concat();
        with_token(at, &words, &self.file("sitting.token"))
    }

    /// Hands in what is in a file, with what is said beside it.
    pub(super) fn hands_in(
        &self,
        at: &Coordinator,
        record: &[u8],
        more: &[&str],
    ) -> Result<Said, Failure> {
        let file = self.home.bring("handed-in", record)?;
        self.sits(at, &[&["hand-in", text(&file)?][..], more].concat())
    }

    /// Fetches the document to confirm, and lays it beside the home.
    pub(super) fn fetches(&self, at: &Coordinator) -> Result<PathBuf, Failure> {
        let said = self.sits(at, &["document"])?.done()?;
        self.home.bring("policy.toml", &said.stdout)
    }

    /// What the own tool says of the document beside the home.
    fn checked(&self) -> Result<Value, Failure> {
        let file = self.file("policy.toml");
        self.home
            .run(&["policy", "check", text(&file)?])?
            .done()?
            .json()
    }

    /// All words, as the person reads them out.
    pub(super) fn reads_out(&self) -> Result<Vec<String>, Failure> {
        let checked = self.checked()?;
        let words = items(&checked["words"])?.iter();
        Ok(words
            .map(|word| word.as_str().unwrap_or_default().to_owned())
            .collect())
    }

    /// The first address, as the own tool shows it.
    pub(super) fn first_address(&self) -> Result<String, Failure> {
        field(&self.checked()?, "first_address")
    }

    /// Says that these words were heard from somebody on another seat.
    pub(super) fn confirms(
        &self,
        at: &Coordinator,
        with: &str,
        heard: &[String],
    ) -> Result<Said, Failure> {
        let word = |heard: Option<&String>| heard.cloned().unwrap_or_default();
        let (first, last) = (word(heard.first()), word(heard.last()));
        let file = self.file("policy.toml");
        let said = [
            "--with",
            with,
            "--first",
            &first,
            "--last",
            &last,
            "--same-address",
        ];
        self.sits(at, &[&["confirm", text(&file)?][..], &said].concat())
    }

    /// Says that tool and device are ready for the document beside the home.
    pub(super) fn is_ready(&self, at: &Coordinator) -> Result<Said, Failure> {
        let file = self.file("policy.toml");
        self.sits(at, &["ready", text(&file)?])
    }

    /// Pins the document beside the home by the words that were compared, with the documents before it.
    pub(super) fn pins(&self, words: &[String], before: &[&Path]) -> Result<Said, Failure> {
        let (file, words) = (self.file("policy.toml"), words.join(" "));
        let mut init = vec!["init", "--policy", text(&file)?, "--id", &words];
        for path in before {
            init.extend(["--before", text(path)?]);
        }
        self.home.run(&init)
    }
}

/// Each fetches the document, hears the words from the next one and compares: all 24, and the first address.
pub(super) fn all_compare(at: &Coordinator, people: &[Person]) -> Outcome {
    for person in people {
        person.fetches(at)?;
    }
    let others = people.iter().cycle().skip(1);
    for (person, other) in people.iter().zip(others) {
        let heard = other.reads_out()?;
        assert_eq!(person.reads_out()?, heard);
        assert_eq!(person.first_address()?, other.first_address()?);
        person.confirms(at, other.name(), &heard)?.done()?;
    }
    Ok(())
}

/// The policy around the records, as an operator writes it: three of them spend, or all of fewer. Small payouts need
/// nobody, and each next version needs dana.
pub(super) fn policy_around(
    hall: &Hall,
    records: &str,
    dana: PinnedKeyDraft,
) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Records {
        signers: Vec<Record>,
    }
    #[derive(Deserialize)]
    struct Record {
        name: String,
        key: String,
    }
    let read: Records = toml::from_str(records)?;
    let of_each =
        |write: fn(&Record) -> String| -> Vec<String> { read.signers.iter().map(write).collect() };
    let keys = of_each(|one| format!("{}={}", one.name, one.key));
    let names = of_each(|one| format!("pk({})", one.name));
    let spending = format!("thresh({},{})", names.len().min(3), names.join(","));
    let mut compile = vec!["policy", "compile", &spending, "--script", "wsh"];
    for key in &keys {
        compile.extend(["--key", key.as_str()]);
    }
    let descriptor = hall.coordinator.program().run(&compile)?.done()?;
    let mut draft = PolicyDraft::first_version("cold", Network::Regtest, head(&hall.node)?);
    descriptor
        .text()
        .trim()
        .clone_into(&mut draft.spending.descriptor);
    draft.requesters = vec![RequesterDraft {
        name: "exchange".to_owned(),
        person: None,
        keys: vec![PinnedKeyDraft::own(&requester_key().public())],
    }];
    draft.approvers = vec![ApproverDraft {
        name: "dana".to_owned(),
        person: "dana".to_owned(),
        groups: vec!["ops".to_owned()],
        keys: vec![dana],
    }];
    draft.rules = vec![RuleDraft {
        name: "small payouts".to_owned(),
        kind: Some("payment".to_owned()),
        requester: None,
        to: None,
        amount_max_sat: Some(5_000_000),
        window: None,
        approvals: of_ops(0),
    }];
    "1s".clone_into(&mut draft.limits.clock_skew);
    draft.limits.self_spend_budget = Some(SelfSpendBudgetDraft {
        sat: 1_000_000,
        count: 100,
        window: "24h".to_owned(),
    });
    draft.change = Some(SuccessionDraft {
        approvals: of_ops(1),
        delay: "1s".to_owned(),
    });
    Ok(draft.to_toml().replace("signers = []\n", "") + "\n" + records)
}

fn of_ops(count: u32) -> ApprovalsDraft {
    ApprovalsDraft {
        group: (count > 0).then(|| "ops".to_owned()),
        count,
        page: None,
    }
}

/// A recent block of the node.
fn head(node: &Bitcoind) -> Result<HeadDraft, Failure> {
    #[derive(Deserialize)]
    struct Header {
        time: u64,
    }
    let best: BlockHash = node.best_block()?;
    let header: Header = node.call("getblockheader", json!([best]))?;
    Ok(HeadDraft {
        height: node.height()?,
        time: UnixTime::from_secs(header.time),
    })
}

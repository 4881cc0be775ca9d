//! Every page, as the table of routes has it, with something in the place of each part of a path.

use std::collections::BTreeMap;

use coordinator::ui::{Entry, Needs};
use serde_json::json;

use super::{Showcase, Traces};
use crate::{Failure, Web, field};

/// A page to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its path in the table of routes.
    pub route: &'static str,
    /// Its path in this treasury.
    pub path: String,
}

impl Page {
    /// A name for files: the path's words without what differs.
    pub fn name(&self) -> String {
        let words: Vec<String> = self
            .route
            .split('/')
            .filter(|part| !part.is_empty() && *part != "vaults" && *part != "{vault}")
            .map(|part| part.trim_matches(['{', '}']).to_owned())
            .collect();
        if self.route == "/vaults/{vault}" {
            "vault".to_owned()
        } else if words.is_empty() {
            "overview".to_owned()
        } else {
            words.join("-")
        }
    }
}

impl Showcase {
    /// What stands in for each part of a path.
    fn parts(&self, traces: &Traces) -> Result<BTreeMap<&'static str, String>, Failure> {
        let policy = &self.treasury.people.policy;
        let coins = self
            .treasury
            .auditor()
            .get(&self.treasury.path("/coins"))?
            .done()?;
        let deposits = self.treasury.deposits()?;
        let outpoint = deposits
            .first()
            .and_then(|deposit| deposit["outpoint"].as_str())
            .or_else(|| coins[0]["outpoint"].as_str())
            .ok_or_else(|| Failure::new("no deposit to look at"))?;
        let addresses = self.treasury.path("/addresses");
        let addresses = self.treasury.auditor().get(&addresses)?.done()?;
        let address = addresses[0]["address"].as_str().unwrap_or_default();
        let list = self.treasury.path("/lists/counterparties");
        let list = self.treasury.auditor().get(&list)?.done()?;
        let entry = list["entries"][0]["entry"].as_str().unwrap_or_default();
        Ok([
            ("address", address.to_owned()),
            ("entry", entry.to_owned()),
            ("what", "document".to_owned()),
            ("stop", "00".repeat(32)),
            ("subject", entry.to_owned()),
            ("secret", "00".repeat(32)),
            ("name", "dana".to_owned()),
            ("vault", policy.vault.to_string()),
            ("requester", "exchange".to_owned()),
            ("id", traces.requested.clone()),
            ("batch", self.batch_of(traces.waiting)?),
            ("txid", traces.waiting.to_string()),
            ("outpoint", outpoint.to_owned()),
            ("list", "counterparties".to_owned()),
            ("person", "dana".to_owned()),
            (
                "webhook",
                self.treasury
                    .store
                    .sql("SELECT id FROM webhook")?
                    .trim()
                    .to_owned(),
            ),
            ("paid", "payout-0001".to_owned()),
            ("version", traces.next.clone()),
            ("policy", policy.id.to_string()),
            ("signer", "bob".to_owned()),
            ("ceremony", self.ceremony()?),
            ("seat", "erin".to_owned()),
            ("alarm", "1".to_owned()),
            ("request", "1".to_owned()),
        ]
        .into())
    }

    /// A ceremony that is open, begun where there is none.
    fn ceremony(&self) -> Result<String, Failure> {
        let operator = self.treasury.operator();
        let all = operator.get("/ceremonies")?.done()?;
        if let Some(first) = all.get(0) {
            return field(first, "id");
        }
        let seats = json!([{ "name": "erin" }, { "name": "frank" }, { "name": "grace" }]);
        let asked = json!({ "name": "cold", "seats": seats });
        field(&operator.post("/ceremonies", &asked)?.done()?, "id")
    }

    /// The path of a route, with something in the place of each part.
    pub fn path_of(&self, traces: &Traces, entry: &Entry) -> Result<String, Failure> {
        let parts = self.parts(traces)?;
        let mut path = String::new();
        for part in entry.path.split('/').skip(1) {
            path.push('/');
            match part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'))
            {
                None => path.push_str(part),
                Some(name) => {
                    let name = match (name, entry.path) {
                        ("id", path) if path.starts_with("/batches") => "batch",
                        ("id", path) if path.contains("/policy/") => "version",
                        ("id", path) if path.ends_with("/receipt") => "paid",
                        ("id", path) if path.starts_with("/webhooks") => "webhook",
                        ("name", path) if path.contains("/lists/") => "list",
                        ("name", path) if path.starts_with("/people") => "person",
                        ("name", path) if path.contains("/signers/") => "signer",
                        (name, _) => name,
                    };
                    let value = parts.get(name).ok_or_else(|| {
                        Failure::new(format!("nothing stands in for {name} of {}", entry.path))
                    })?;
                    path.push_str(value);
                }
            }
        }
        Ok(path)
    }

    /// What is asked of a page that shows nothing otherwise.
    fn question_of(&self, traces: &Traces, entry: &Entry) -> Result<String, Failure> {
        match entry.path {
            "/search" => Ok("?q=payout-0007".to_owned()),
            "/vaults/{vault}/withdrawals/approve" => {
                let path = format!("/withdrawals/exchange/{}", traces.requested);
                let asked = self.treasury.auditor().get(&self.treasury.path(&path))?;
                Ok(format!("?intent={}", field(&asked.done()?, "intent_hash")?))
            }
            _ => Ok(String::new()),
        }
    }

    /// What somebody sees who is not signed in.
    pub fn public_pages(&self) -> Result<Vec<Page>, Failure> {
        let link = self.treasury.invite("petra", "approver")?;
        let invitation = link.replace(&self.treasury.coordinator.pages(), "");
        let page = |route: &'static str, path: &str| Page {
            route,
            path: path.to_owned(),
        };
        Ok(vec![
            page("/sign-in", "/sign-in"),
            page("/invitations", &invitation),
            page("/nothing-here", "/nothing-here"),
        ])
    }

    /// The pages of a table that show something to somebody who is signed in; files to keep are none.
    pub fn pages(
        &self,
        traces: &Traces,
        entries: &[Entry],
        visitor: &Web,
    ) -> Result<Vec<Page>, Failure> {
        let mut pages = Vec::new();
        for entry in entries {
            let shown = entry.method == "GET" && entry.needs != Needs::Nobody;
            let file = entry
                .path
                .rsplit('/')
                .next()
                .is_some_and(|last| last.contains('.'));
            if !shown || file || entry.path == "/live" {
                continue;
            }
            let path = self.path_of(traces, entry)? + &self.question_of(traces, entry)?;
            let seen = visitor.get(&path)?;
            if seen.status >= 500 {
                return Err(Failure::new(format!("{path} is broken: {}", seen.text)));
            }
            let kind = seen.header("content-type").unwrap_or_default().to_owned();
            if kind.starts_with("text/html") {
                pages.push(Page {
                    route: entry.path,
                    path,
                });
            }
        }
        Ok(pages)
    }
}

//! What people do with the pages, from beginning to end, each in a browser of their own.

mod address_book;
mod approving;
mod fees;
mod page_keys;
mod people;
mod policy;
mod signatures;
mod stopping;

use bitcoin::Amount;
use harness::{
    Browser, Engine, Failure, Outcome, Process, SHORT, ScriptKind, SignerHome, Treasury, wait_until,
};
use policies::document::{ApprovalsDraft, ApproverDraft, PolicyDraft, RequesterDraft, StopDraft};

/// The chip that says how the thing stands that a page is about: the first one of what is live on it.
const STATE: &str = "#live .chip";

/// A treasury in which erin asks for withdrawals with a key of her own, and is an approver too.
struct Office {
    treasury: Treasury,
    erin: SignerHome,
}

impl Office {
    /// With money.
    fn open() -> Result<Self, Failure> {
        Self::open_under(|_| {})
    }

    /// With money, under a policy that was edited before anybody pinned it.
    fn open_under(more: impl FnOnce(&mut PolicyDraft)) -> Result<Self, Failure> {
        let office = Self::agree(more)?;
        office.treasury.deposit(Amount::ONE_BTC)?;
        Ok(office)
    }

    fn agree(more: impl FnOnce(&mut PolicyDraft)) -> Result<Self, Failure> {
        let erin = SignerHome::new("erin")?;
        let (requests, approves) = (erin.make_requester()?, erin.make_approver()?);
        let edit = |policy: &mut PolicyDraft| {
            policy.requesters.push(RequesterDraft {
                name: "treasurer".to_owned(),
                person: Some("erin".to_owned()),
                keys: vec![requests],
            });
            policy.approvers.push(ApproverDraft {
                name: "erin".to_owned(),
                person: "erin".to_owned(),
                groups: vec!["ops".to_owned()],
                keys: vec![approves],
            });
            policy.stop = Some(StopDraft { release: of_ops(2) });
            more(policy);
        };
        let treasury = Treasury::start_edited(ScriptKind::Wsh, Engine::Sqlite, edit)?;
        let policy = &treasury.people.policy;
        erin.pin(&policy.bytes, policy.id)?;
        Ok(Self { treasury, erin })
    }

    /// Starts a person's own tool and pairs it with the pages in the person's browser.
    fn pair(&self, home: &SignerHome, browser: &Browser) -> Result<Tool, Failure> {
        let token = self
            .treasury
            .token(&format!("tool of {}", home.name()), "service")?;
        let (process, port, code) = home.bridge(self.treasury.coordinator.url(), &token)?;
        browser.open(&self.treasury.page("/account/bridge"))?;
        browser.fill("#port", &port.to_string())?;
        browser.click("form[action='/account/bridge'] button")?;
        browser.shows("#code")?;
        browser.fill("#code", &code)?;
        browser.click("form[action$='/pair'] button")?;
        browser.says("h1", "Paired")?;
        Ok(Tool {
            port,
            _process: process,
        })
    }
}

/// A person's own tool, as long as it runs.
struct Tool {
    port: u16,
    _process: Process,
}

/// So many persons of `ops`, with keys of their own.
fn of_ops(count: u32) -> ApprovalsDraft {
    ApprovalsDraft {
        group: Some("ops".to_owned()),
        count,
        page: None,
    }
}

/// Presses a button that opens the tool in another tab, answers there, and comes back.
fn answer(browser: &Browser, button: &str, says: &str) -> Outcome {
    browser.click(button)?;
    browser.turn_to_new_tab()?;
    browser.shows("#act")?;
    browser.click("#act")?;
    browser.says("#said", says)?;
    browser.close_tab()
}

/// Waits until the browser has gone on from a page.
fn leaves(browser: &Browser, tail: &str) -> Outcome {
    wait_until(&format!("the browser to leave {tail}"), SHORT, || {
        Ok((!browser.address()?.ends_with(tail)).then_some(()))
    })
}

/// Opens a page again and again until it has an element: for what only time brings.
fn opens_with(browser: &Browser, page: &str, css: &str) -> Outcome {
    wait_until(&format!("{css} to be on {page}"), SHORT, || {
        browser.open(page)?;
        Ok((browser.count(css)? > 0).then_some(()))
    })
}

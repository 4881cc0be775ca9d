//! Tokens that are missing, wrong or revoked, or that are for less than what is asked.

use std::collections::BTreeSet;

use bitcoin::Amount;
use harness::{
    AUTOMATIC_MAX_SAT, Answer, Api, Failure, Outcome, People, Purse, ScriptKind, Treasury, field,
};
use serde_json::{Value, json};
use ureq::http::Method;

use super::{funded, nothing_changes};

/// Which roles may ask what: `s` service, `g` signer, `o` operator, `a` auditor.
const ROUTES: &[(&str, &str, &str)] = &[
    ("GET", "/vaults", "sgoa"),
    ("POST", "/vaults", "o"),
    ("GET", "/vaults/{vault}", "sgoa"),
    ("GET", "/vaults/{vault}/moving-in", "sgoa"),
    ("POST", "/vaults/{vault}/moving-in", "o"),
    ("GET", "/balancing", "sgoa"),
    ("PUT", "/vaults/{vault}/marks", "o"),
    ("DELETE", "/vaults/{vault}/marks", "o"),
    ("GET", "/vaults/{vault}/deposit-rules", "sgoa"),
    ("PUT", "/vaults/{vault}/deposit-rules", "o"),
    ("DELETE", "/vaults/{vault}/deposit-rules", "o"),
    ("POST", "/vaults/{vault}/transfers", "o"),
    ("GET", "/vaults/{vault}/addresses", "sgoa"),
    ("POST", "/vaults/{vault}/addresses", "so"),
    ("GET", "/vaults/{vault}/deposits", "sgoa"),
    ("GET", "/vaults/{vault}/coins", "sgoa"),
    ("POST", "/vaults/{vault}/coins/{outpoint}/freeze", "o"),
    ("DELETE", "/vaults/{vault}/coins/{outpoint}/freeze", "o"),
    ("PUT", "/vaults/{vault}/coins/{outpoint}/label", "o"),
    ("GET", "/vaults/{vault}/balance", "sgoa"),
    ("GET", "/vaults/{vault}/ledger", "sgoa"),
    ("GET", "/vaults/{vault}/reconciliation", "sgoa"),
    ("POST", "/vaults/{vault}/reconciliation", "o"),
    ("GET", "/vaults/{vault}/reconciliation/{request}", "sgoa"),
    ("DELETE", "/vaults/{vault}/reconciliation/{request}", "o"),
    ("POST", "/vaults/{vault}/reconciliation/deep", "o"),
    ("GET", "/vaults/{vault}/book", "sgoa"),
    ("GET", "/vaults/{vault}/book/statement", "sgoa"),
    ("GET", "/vaults/{vault}/book/movements", "sgoa"),
    ("GET", "/vaults/{vault}/customers", "sgoa"),
    ("PUT", "/vaults/{vault}/customers", "o"),
    ("POST", "/vaults/{vault}/customers/release", "o"),
    ("POST", "/vaults/{vault}/watched", "o"),
    ("GET", "/vaults/{vault}/fees", "sgoa"),
    ("PUT", "/vaults/{vault}/fees", "o"),
    ("DELETE", "/vaults/{vault}/fees", "o"),
    ("GET", "/vaults/{vault}/consolidation", "sgoa"),
    ("GET", "/vaults/{vault}/withdrawals", "sgoa"),
    ("POST", "/vaults/{vault}/withdrawals", "so"),
    (
        "GET",
        "/vaults/{vault}/withdrawals/{requester}/{id}",
        "sgoa",
    ),
    (
        "POST",
        "/vaults/{vault}/withdrawals/{requester}/{id}/cancel",
        "so",
    ),
    (
        "POST",
        "/vaults/{vault}/withdrawals/{requester}/{id}/payment",
        "o",
    ),
    (
        "POST",
        "/vaults/{vault}/withdrawals/{requester}/{id}/speed",
        "o",
    ),
    ("GET", "/vaults/{vault}/intents/{hash}", "sgoa"),
    ("GET", "/vaults/{vault}/queue", "sgoa"),
    ("POST", "/vaults/{vault}/queue/allowance", "o"),
    ("POST", "/vaults/{vault}/approvals", "sgo"),
    ("GET", "/vaults/{vault}/lists", "sgoa"),
    ("GET", "/vaults/{vault}/lists/{name}", "sgoa"),
    ("GET", "/vaults/{vault}/statements", "sgoa"),
    ("POST", "/vaults/{vault}/statements", "sgo"),
    ("GET", "/vaults/{vault}/statements/{subject}", "sgoa"),
    (
        "POST",
        "/vaults/{vault}/statements/{subject}/approvals",
        "sgo",
    ),
    ("GET", "/vaults/{vault}/successions", "sgoa"),
    ("POST", "/vaults/{vault}/successions", "sgo"),
    ("GET", "/vaults/{vault}/versions", "sgoa"),
    ("POST", "/vaults/{vault}/versions/{policy}/adoption", "o"),
    ("GET", "/vaults/{vault}/standing", "sgoa"),
    ("PUT", "/vaults/{vault}/signers/{name}/mark", "o"),
    ("GET", "/vaults/{vault}/journals", "sgoa"),
    ("POST", "/vaults/{vault}/journals/moves", "go"),
    ("POST", "/vaults/{vault}/journals/imports", "o"),
    ("GET", "/vaults/{vault}/batches", "sgoa"),
    ("POST", "/vaults/{vault}/batches", "o"),
    ("GET", "/batches/{id}", "sgoa"),
    ("POST", "/batches/{id}/plan", "o"),
    ("POST", "/batches/{id}/cancellation", "o"),
    ("POST", "/batches/{id}/voids", "o"),
    ("POST", "/vaults/{vault}/self-spends", "o"),
    ("POST", "/vaults/{vault}/recoveries", "o"),
    ("GET", "/vaults/{vault}/attempts", "sgoa"),
    ("GET", "/attempts/{txid}", "sgoa"),
    ("GET", "/attempts/{txid}/psbt", "sgoa"),
    ("POST", "/attempts/{txid}/signatures", "go"),
    ("GET", "/attempts/{txid}/voids", "sgoa"),
    ("POST", "/attempts/{txid}/voids", "go"),
    ("GET", "/vaults/{vault}/voids", "sgoa"),
    ("POST", "/attempts/{txid}/replacement", "o"),
    ("POST", "/attempts/{txid}/approvals", "sgo"),
    ("GET", "/attempts/{txid}/ladder", "sgoa"),
    ("POST", "/attempts/{txid}/ladder", "o"),
    ("POST", "/attempts/{txid}/release", "o"),
    ("GET", "/events", "sgoa"),
    ("GET", "/events/stream", "sgoa"),
    ("GET", "/events/{number}/proof", "sgoa"),
    ("GET", "/scans", "sgoa"),
    ("POST", "/scans", "o"),
    ("GET", "/scans/{scan}", "sgoa"),
    ("GET", "/alarms", "sgoa"),
    ("POST", "/alarms/{alarm}/end", "o"),
    ("GET", "/metrics", "sgoa"),
    ("GET", "/events/verification", "sgoa"),
    ("GET", "/tokens", "o"),
    ("POST", "/tokens", "o"),
    ("DELETE", "/tokens/{id}", "o"),
    ("GET", "/people", "sgoa"),
    ("POST", "/people/invitations", "o"),
    ("DELETE", "/people/{name}", "o"),
    ("DELETE", "/people/{name}/invitation", "o"),
    ("GET", "/people/{name}/notifications", "o"),
    ("PUT", "/people/{name}/notifications", "o"),
    ("GET", "/webhooks", "sgoa"),
    ("POST", "/webhooks", "o"),
    ("GET", "/webhooks/{id}", "sgoa"),
    ("DELETE", "/webhooks/{id}", "o"),
    ("POST", "/webhooks/{id}/pause", "o"),
    ("DELETE", "/webhooks/{id}/pause", "o"),
    ("POST", "/webhooks/{id}/test", "o"),
    ("GET", "/status", "sgoa"),
    ("GET", "/vaults/{vault}/addresses/superseded", "sgoa"),
    ("GET", "/ceremonies", "sgoa"),
    ("POST", "/ceremonies", "o"),
    ("GET", "/ceremonies/{ceremony}", "sgoa"),
    ("DELETE", "/ceremonies/{ceremony}", "o"),
    ("PUT", "/ceremonies/{ceremony}/seats/{seat}", "o"),
    ("DELETE", "/ceremonies/{ceremony}/seats/{seat}", "o"),
    ("POST", "/ceremonies/{ceremony}/seats/{seat}/link", "o"),
    ("PUT", "/ceremonies/{ceremony}/draft", "o"),
    ("POST", "/ceremonies/{ceremony}/activation", "o"),
];

/// Which ask for a link or for the token of a sitting, whatever role somebody has besides.
const OF_SEATS: &[(&str, &str)] = &[
    ("POST", "/sitting"),
    ("GET", "/sitting"),
    ("PUT", "/sitting/record"),
    ("POST", "/sitting/comparison"),
    ("POST", "/sitting/readiness"),
];

/// Good requests for every route, about things that exist.
struct Requests {
    vault: String,
    txid: String,
    batch: String,
    document: String,
    intent: Value,
    hash: String,
    approval: Value,
    psbt: Vec<u8>,
    ceremony: String,
}

impl Requests {
    fn of(treasury: &Treasury) -> Result<Self, Failure> {
        let to = Purse::stranger(1);
        treasury.withdraw("w-1", &to, Amount::from_sat(1_000_000))?;
        let large = Amount::from_sat(AUTOMATIC_MAX_SAT + 1);
        treasury.withdraw("w-2", &to, large)?;
        let txid = treasury.batch()?.to_string();
        let standing = treasury.withdrawal("w-2")?;
        let intent = treasury.signed_bytes(field(&standing, "intent")?.as_bytes());
        let attempt = treasury
            .auditor()
            .get(&format!("/attempts/{txid}"))?
            .done()?;
        let new = json!({ "name": "cold", "seats": [{ "name": "zoe" }, { "name": "yan" }] });
        let begun = treasury.operator().post("/ceremonies", &new)?.done()?;
        Ok(Self {
            ceremony: field(&begun, "id")?,
            vault: treasury.people.policy.vault.to_string(),
            batch: field(&attempt, "batch")?,
            psbt: treasury.psbt(txid.parse()?)?,
            txid,
            document: String::from_utf8(treasury.people.policy.bytes.clone())?,
            approval: treasury
                .people
                .dana
                .approve(std::slice::from_ref(&intent))?,
            intent,
            hash: field(&standing, "intent_hash")?,
        })
    }

    #[track_caller]
    fn send(&self, api: &Api, verb: &str, route: &str) -> Result<Answer, Failure> {
        let batch = if route.starts_with("/batches") {
            &self.batch
        } else {
            "w-2"
        };
        let path = route
            .replace("{vault}", &self.vault)
            .replace("{txid}", &self.txid)
            .replace("{hash}", &self.hash)
            .replace("{requester}", "exchange")
            .replace("{request}", "1")
            .replace("{name}", "none")
            .replace("{outpoint}", &format!("{}:0", self.txid))
            .replace("{subject}", &"11".repeat(32))
            .replace("{policy}", &"11".repeat(32))
            .replace("{ceremony}", &self.ceremony)
            .replace("{seat}", "zoe")
            .replace("{number}", "1")
            .replace("{scan}", "1")
            .replace("{alarm}", "1")
            .replace("/events/stream", "/events/stream?limit=1")
            .replace("{id}", batch);
        let body = match route.rsplit('/').next() {
            Some("vaults") => json!({ "document": self.document }),
            Some("scans") => json!({ "from": 0 }),
            Some("watched") => json!({ "entries": [] }),
            Some("customers") => json!({ "references_are_accounts": false }),
            Some("fees") => json!({
                "target_blocks": 6,
                "deadline_blocks": 6,
                "budget_sat": 0,
                "bump": "off",
            }),
            Some("release") => json!({ "reference": "none", "reason": "none" }),
            Some("end") if route.starts_with("/alarms") => json!({ "why": "none" }),
            Some("moving-in") => json!({ "from": u32::MAX }),
            Some("withdrawals") => self.intent.clone(),
            Some("approvals") if route.starts_with("/attempts") => json!({
                "purpose": "maintain",
                "txid": self.txid,
                "expires": self.approval["expires"],
                "key": self.approval["key"],
                "signature": self.approval["signature"],
            }),
            Some("statements") => json!({ "statement": "{}" }),
            Some("successions") => json!({ "file": "{}" }),
            Some("mark") => json!({ "mark": "away" }),
            Some("freeze") => json!({ "reason": "not known" }),
            Some("label") => json!({ "label": "mine" }),
            Some("moves") => json!({ "certificate": "00" }),
            Some("imports") => json!({ "journal": "" }),
            Some("approvals") if route.contains("statements") => json!({
                "purpose": "list-add",
                "expires": 0,
                "key": "22".repeat(32),
                "signature": "00",
            }),
            Some("approvals") => self.approval.clone(),
            Some("self-spends") => json!({ "purpose": "consolidate" }),
            Some("speed") => json!({ "speed": "urgent" }),
            Some("allowance") => json!({ "question": 1, "feerate_sat_vb": "2" }),
            Some("marks") => json!({ "low_sat": 1, "high_sat": 2 }),
            Some("transfers") => json!({
                "to": self.vault,
                "amount_sat": 1_000_000,
                "requester": "exchange",
                "id": "t-1",
            }),
            Some("notifications") => json!({ "kinds": [] }),
            Some("webhooks") => json!({
                "name": "x",
                "shape": "json",
                "url": "https://hooks.example/x",
            }),
            Some("ceremonies") => {
                json!({ "name": "x", "seats": [{ "name": "y" }, { "name": "z" }] })
            }
            Some("{seat}" | "record") => json!({ "record": "x" }),
            Some("sitting") => json!({ "secret": "ab".repeat(32) }),
            Some("comparison") => json!({
                "policy": "11".repeat(32),
                "with": "x",
                "first_word": "y",
                "last_word": "z",
                "same_address": true,
            }),
            Some("readiness") => json!({ "policy": "11".repeat(32) }),
            Some("tokens") => json!({ "name": "x", "role": "operator" }),
            Some("invitations") => json!({ "name": "x", "role": "auditor" }),
            _ => json!({}),
        };
        match verb {
            "GET" => api.get(&path),
            "DELETE" => api.delete(&path),
            "PUT" => api.put(&path, &body),
            _ if route.ends_with("/signatures") || route == "/attempts/{txid}/voids" => {
                api.post_bytes(&path, &self.psbt)
            }
            _ => api.post(&path, &body),
        }
    }
}

/// 1. The matrix of this file names every route that the API describes.
/// 2. Without a token, with a wrong one, with half of one or with a revoked one, every route refuses.
///    What is of seats asks for a link or a sitting, also of operators.
/// 3. With a token of each role, every route outside the role's part refuses, and every route to
///    read in it answers.
#[test]
#[expect(
    clippy::print_stdout,
    reason = "how much was tried belongs into the report"
)]
fn each_role_is_refused_what_is_not_its_part() -> Outcome {
    let mut treasury = funded()?;
    let anybody = treasury.operator().with_token(None);
    let described = anybody.get("/openapi.json")?.done()?;
    let mut routes = BTreeSet::new();
    for (path, verbs) in described["paths"].as_object().into_iter().flatten() {
        for verb in verbs.as_object().into_iter().flatten() {
            let path = path.trim_start_matches("/api/v1").to_owned();
            routes.insert((verb.0.to_uppercase(), path));
        }
    }
    let of_roles = ROUTES.iter().map(|(verb, path, _)| (verb, path));
    let of_seats = OF_SEATS.iter().map(|(verb, path)| (verb, path));
    let known: BTreeSet<_> = of_roles
        .chain(of_seats)
        .map(|(verb, path)| ((*verb).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(routes, known, "every route stands in the matrix");

    let requests = Requests::of(&treasury)?;
    let new = json!({ "name": "gone", "role": "operator" });
    let revoked = treasury.operator().post("/tokens", &new)?.done()?;
    let id = field(&revoked["token"], "id")?;
    let was = field(&revoked, "secret")?;
    let holder = anybody.with_token(Some(&was));
    holder.get("/status")?.done()?;
    holder.delete(&format!("/tokens/{id}"))?.done()?;
    let (mut refused, mut answered) = (0, 0);
    nothing_changes(&mut treasury, |treasury| {
        let own = treasury.coordinator.token();
        let wrong = [
            None,
            Some(was.clone()),
            Some("ab".repeat(32)),
            Some(own[..own.len() / 2].to_owned()),
            Some(format!("{own}0")),
            Some(own.to_uppercase()),
            Some("' OR 1=1 --".to_owned()),
        ];
        for token in wrong {
            let api = anybody.with_token(token.as_deref());
            for (verb, route, _) in ROUTES {
                requests
                    .send(&api, verb, route)?
                    .refused(401, "unauthorized")?;
                refused += 1;
            }
        }
        for api in [anybody.with_token(None), treasury.operator()] {
            for (verb, route) in OF_SEATS {
                let (status, code) = match *verb {
                    "POST" if *route == "/sitting" => (404, "invitation_void"),
                    _ => (401, "sitting_over"),
                };
                requests.send(&api, verb, route)?.refused(status, code)?;
                refused += 1;
            }
        }
        let basic = [("authorization", "Basic b3BlcmF0b3I6eA==")];
        anybody
            .send(&Method::GET, "/status", &basic, Vec::new())?
            .refused(401, "unauthorized")?;
        let roles = [
            ('s', treasury.service()),
            ('g', treasury.signer()),
            ('o', treasury.operator()),
            ('a', treasury.auditor()),
        ];
        for (letter, api) in roles {
            for (verb, route, roles) in ROUTES {
                if !roles.contains(letter) {
                    requests
                        .send(&api, verb, route)?
                        .refused(403, "forbidden")?;
                    refused += 1;
                } else if *verb == "GET" {
                    let answer = requests.send(&api, verb, route)?;
                    // What is asked for and does not exist is a reconciliation, a list, a statement, a webhook, a
                    // person, a wallet that moves in, a ladder and a scan.
                    let missing = [
                        "{request}",
                        "{name}",
                        "{subject}",
                        "/webhooks/{id}",
                        "/moving-in",
                        "/ladder",
                        "{scan}",
                        "/notifications",
                    ];
                    let is_there = !missing.iter().any(|part| route.ends_with(part));
                    if is_there && answer.status != 200 {
                        answer.done()?;
                    }
                    answered += 1;
                }
            }
        }
        Ok(())
    })?;
    println!(
        "{} routes: {refused} requests refused, {answered} answered",
        ROUTES.len() + OF_SEATS.len()
    );
    Ok(())
}

/// 1. A second vault is added, and an operator's token made for that one only.
/// 2. With it, everything of the first vault is as if it did not exist, whatever is asked.
/// 3. Lists and events show nothing of the first vault.
#[test]
fn token_of_another_vault_learns_nothing() -> Outcome {
    let mut treasury = funded()?;
    let requests = Requests::of(&treasury)?;
    let others = People::agree(ScriptKind::Tr, &treasury.node)?;
    let document = String::from_utf8(others.policy.bytes.clone())?;
    let operator = treasury.operator();
    operator
        .post("/vaults", &json!({ "document": document }))?
        .done()?;
    let vault = others.policy.vault.to_string();
    let new = json!({ "name": "other", "role": "operator", "vault": vault });
    let secret = field(&operator.post("/tokens", &new)?.done()?, "secret")?;
    nothing_changes(&mut treasury, |treasury| {
        let api = treasury.operator().with_token(Some(&secret));
        for (verb, route, _) in ROUTES {
            let answer = requests.send(&api, verb, route)?;
            let (status, code) = match (*verb, *route) {
                (_, route) if route.starts_with("/vaults/") => (404, "unknown_vault"),
                (_, route) if route.starts_with("/batches/") => (404, "unknown_batch"),
                (_, route) if route.starts_with("/attempts/") => (404, "unknown_attempt"),
                ("GET", route) if route.starts_with("/webhooks/") => (404, "unknown_webhook"),
                ("GET", "/scans/{scan}") => (404, "unknown_scan"),
                ("GET", "/events/{number}/proof") => (404, "unknown_event"),
                (_, "/alarms/{alarm}/end") => (404, "unknown_alarm"),
                (
                    "GET",
                    "/vaults" | "/balancing" | "/ceremonies" | "/events" | "/events/stream"
                    | "/scans" | "/alarms" | "/status" | "/webhooks",
                ) => {
                    let text = answer.text();
                    assert_eq!(answer.status, 200, "{text}");
                    assert!(!text.contains(&requests.vault), "{text}");
                    assert!(!text.contains(&requests.txid), "{text}");
                    continue;
                }
                _ => (403, "forbidden"),
            };
            answer.refused(status, code)?;
        }
        Ok(())
    })
}

//! Requests that are wrong before anybody looks at what they ask for.

use harness::{Failure, Outcome, Treasury};
use serde_json::json;

use super::{funded, nothing_changes};

/// Sends a request by hand; it must be answered by this problem.
#[track_caller]
fn is_refused(treasury: &Treasury, request: &str, body: &[u8], status: u16, code: &str) -> Outcome {
    let head = request.replace('\n', "\r\n");
    let request = [head.as_bytes(), b"\r\nconnection: close\r\n\r\n", body].concat();
    let answer = treasury.operator().raw(&request)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| Failure::new(format!("no answer: {answer}")))?;
    let expected = head.starts_with(&format!("HTTP/1.1 {status} "))
        && head.contains("application/problem+json")
        && body.contains(&format!("\"code\":\"{code}\""))
        && body.contains(&format!("\"status\":{status}"));
    if expected {
        Ok(())
    } else {
        Err(Failure::new(format!(
            "instead of a problem {status} {code}: {answer}"
        )))
    }
}

/// 1. Bodies come that are no JSON, of the wrong shape, with unknown or repeated fields, empty, of
///    another content type.
/// 2. Each is refused with a problem document.
#[test]
fn body_that_is_not_what_a_route_takes_is_refused() -> Outcome {
    let mut treasury = funded()?;
    nothing_changes(&mut treasury, |treasury| {
        let operator = treasury.operator();
        for path in ["/addresses", "/withdrawals", "/approvals", "/batches"] {
            let path = treasury.path(path);
            for body in ["", "{", "nonsense", "{]", "\u{feff}{}"] {
                operator.post_text(&path, body)?.refused(400, "bad_json")?;
            }
            for body in ["7", "\"text\"", "{\"unknown_field\": 1}"] {
                operator.post_text(&path, body)?.refused(422, "malformed")?;
            }
            operator
                .post_bytes(&path, b"{}")?
                .refused(415, "not_json")?;
        }
        let deep = format!("{{\"reference\": {}", "[".repeat(100_000));
        operator
            .post_text(&treasury.path("/addresses"), &deep)?
            .refused(422, "malformed")?;
        let twice = "{\"reference\": \"a\", \"reference\": \"b\"}";
        operator
            .post_text(&treasury.path("/addresses"), twice)?
            .refused(422, "malformed")?;
        for body in [
            json!({ "name": "", "role": "auditor" }),
            json!({ "name": "a\nb", "role": "auditor" }),
            json!({ "name": "x".repeat(65), "role": "auditor" }),
        ] {
            operator.post("/tokens", &body)?.refused(400, "malformed")?;
        }
        operator
            .post("/tokens", &json!({ "name": "x", "role": "king" }))?
            .refused(422, "malformed")?;
        let nobodys = json!({ "name": "x", "role": "auditor", "vault": "ab".repeat(32) });
        operator
            .post("/tokens", &nobodys)?
            .refused(404, "unknown_vault")?;
        Ok(())
    })
}

/// 1. A body announces more than is ever read, another one is larger without announcing it, another
///    breaks off.
/// 2. The first two are refused with 413 as problem documents, the last one harms nobody.
#[test]
fn huge_body_is_refused_unread() -> Outcome {
    let mut treasury = funded()?;
    let authorization = format!(
        "host: x\nauthorization: Bearer {}",
        treasury.coordinator.token()
    );
    nothing_changes(&mut treasury, |treasury| {
        let vault = treasury.people.policy.vault;
        let routes = [
            (
                format!("/api/v1/vaults/{vault}/withdrawals"),
                "application/json",
            ),
            (
                format!("/api/v1/attempts/{vault}/signatures"),
                "application/octet-stream",
            ),
        ];
        for (path, kind) in routes {
            let head = format!("POST {path} HTTP/1.1\n{authorization}\ncontent-type: {kind}");
            let announced = format!("{head}\ncontent-length: 999999999");
            is_refused(treasury, &announced, b"", 413, "body_too_large")?;
            let chunk = [b"100000\r\n", &vec![b' '; 1 << 20][..], b"\r\n"].concat();
            let chunked = format!("{head}\ntransfer-encoding: chunked");
            is_refused(treasury, &chunked, &chunk.repeat(24), 413, "body_too_large")?;
            let broken = format!("{head}\ntransfer-encoding: chunked");
            is_refused(treasury, &broken, b"nonsense\r\n", 400, "bad_body")?;
        }
        Ok(())
    })
}

/// 1. Paths name what does not exist or cannot be named; queries hold what is not asked; verbs fit
///    no route.
/// 2. Each is refused with a problem document.
#[test]
fn path_query_or_verb_that_does_not_exist_is_refused() -> Outcome {
    let mut treasury = funded()?;
    nothing_changes(&mut treasury, |treasury| {
        let operator = treasury.operator();
        let nobody = "ab".repeat(32);
        for (path, status, code) in [
            ("/nothing".to_owned(), 404, "no_such_route"),
            (String::new(), 404, "no_such_route"),
            ("/vaults/".to_owned(), 404, "no_such_route"),
            ("/vaults/treasury".to_owned(), 400, "malformed"),
            (
                format!("/vaults/{}", nobody.to_uppercase()),
                400,
                "malformed",
            ),
            ("/vaults/%ff%fe".to_owned(), 400, "malformed"),
            (format!("/vaults/{nobody}"), 404, "unknown_vault"),
            (format!("/vaults/{nobody}/deposits"), 404, "unknown_vault"),
            (
                format!("/vaults/{nobody}/withdrawals/a/b"),
                404,
                "unknown_vault",
            ),
            (
                treasury.path("/withdrawals/exchange/w-9"),
                404,
                "unknown_withdrawal",
            ),
            (
                treasury.path("/withdrawals/ex%20change/w-9"),
                400,
                "malformed",
            ),
            (
                treasury.path("/withdrawals/exchange/..%2f..%2fw"),
                400,
                "malformed",
            ),
            ("/attempts/zz".to_owned(), 400, "malformed"),
            (format!("/attempts/{nobody}"), 404, "unknown_attempt"),
            (format!("/attempts/{nobody}/psbt"), 404, "unknown_attempt"),
            ("/batches/zz".to_owned(), 400, "malformed"),
            (treasury.path("/reconciliation/x"), 400, "malformed"),
            (treasury.path("/withdrawals?limit=-1"), 400, "malformed"),
            (
                treasury.path("/withdrawals?limit=9999999999"),
                400,
                "malformed",
            ),
            (treasury.path("/withdrawals?nonsense=1"), 400, "malformed"),
            (
                treasury.path("/withdrawals?state=paid"),
                400,
                "unknown_state",
            ),
            (treasury.path("/attempts?state="), 400, "unknown_state"),
            (treasury.path("/ledger?after=x"), 400, "malformed"),
            ("/events?after=-1".to_owned(), 400, "malformed"),
            (
                "/events?after=99999999999999999999".to_owned(),
                400,
                "malformed",
            ),
        ] {
            operator.get(&path)?.refused(status, code)?;
        }
        operator
            .delete(&treasury.path("/withdrawals"))?
            .refused(405, "no_such_verb")?;
        operator
            .post("/status", &json!({}))?
            .refused(405, "no_such_verb")?;
        operator
            .delete("/tokens/nobodys")?
            .refused(404, "unknown_token")?;
        for (after, limit) in [(u64::MAX, u32::MAX), (i64::MAX.unsigned_abs(), 0)] {
            let path = format!("/events?after={after}&limit={limit}");
            let answer = operator.get(&path)?;
            assert!(answer.status < 500, "{path}: {}", answer.text());
        }
        Ok(())
    })
}

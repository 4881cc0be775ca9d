//! The calls over HTTP: the token that they carry, and what is made of each answer.

use bitcoin::Txid;
use policies::VaultId;
use signer::failure::Explained;
use signer::online::{Attempts, HttpCoordinator};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread;

/// Answers each connection with the next of these answers; gives what was asked.
fn canned(answers: Vec<String>) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("has an address"));
    let serving = thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("is asked");
            let mut reader = BufReader::new(stream.try_clone().expect("clones"));
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).expect("reads");
                if line.trim().is_empty() {
                    break;
                }
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("reads the body");
            head.push_str(&String::from_utf8_lossy(&body));
            asked.push(head);
            stream.write_all(answer.as_bytes()).expect("answers");
        }
        asked
    });
    (url, serving)
}

fn response(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[test]
fn the_calls_carry_the_token_and_name_what_is_refused() {
    let [first, second] = [[1_u8; 32], [2; 32]].map(|bytes| {
        use bitcoin::hashes::Hash;
        Txid::from_byte_array(bytes)
    });
    let list = format!(
        r#"[{{"txid":"{first}","missing_signers":["alice","machine"],"state":"issued"}},{{"txid":"{second}","missing_signers":["alice"]}}]"#
    );
    let problem =
        r#"{"title":"Conflict","status":409,"code":"attempt_closed","detail":"too late"}"#;
    let (url, serving) = canned(vec![
        response("200 OK", &list),
        response("200 OK", "psbt bytes"),
        response("200 OK", "{}"),
        response(
            "200 OK",
            r#"{"refused":[{"input":2,"code":"wrong_signature"}]}"#,
        ),
        response("409 Conflict", problem),
        response(
            "401 Unauthorized",
            r#"{"code":"unauthorized","detail":"no"}"#,
        ),
        response("502 Bad Gateway", "<html>"),
        response("302 Found", ""),
    ]);
    let coordinator = HttpCoordinator::new(&url.parse().expect("a URL"), "secret\n");
    let vault = VaultId::from_bytes([9; 32]);
    assert_eq!(
        coordinator.missing(vault, "machine").expect("lists"),
        [first]
    );
    assert_eq!(coordinator.psbt(first).expect("gives"), b"psbt bytes");
    coordinator.submit(first, b"signatures").expect("takes");
    let not_taken = coordinator
        .submit(first, b"bad")
        .expect_err("does not count");
    assert!(not_taken.is_final());
    assert_eq!(not_taken.code(), "SIGNATURE_NOT_TAKEN");
    let closed = coordinator.submit(first, b"again").expect_err("refuses");
    assert!(closed.is_final());
    assert!(
        closed.to_string().contains("attempt_closed: too late"),
        "{closed}"
    );
    let unauthorized = coordinator.psbt(first).expect_err("refuses");
    assert!(!unauthorized.is_final());
    assert_eq!(unauthorized.code(), "COORDINATOR_REFUSED");
    let broken = coordinator.psbt(first).expect_err("is broken");
    assert_eq!(broken.code(), "COORDINATOR_FOREIGN");
    // A redirect is not followed: it would carry the token elsewhere.
    coordinator.psbt(first).expect_err("is a redirect");

    let asked = serving.join().expect("served");
    assert!(asked[0].starts_with(&format!("GET /api/v1/vaults/{vault}/attempts?state=issued")));
    assert!(asked[1].starts_with(&format!("GET /api/v1/attempts/{first}/psbt ")));
    assert!(asked[2].starts_with(&format!("POST /api/v1/attempts/{first}/signatures ")));
    assert!(asked[2].ends_with("signatures"));
    for head in &asked {
        assert!(
            head.to_ascii_lowercase()
                .contains("authorization: bearer secret\r\n"),
            "{head}"
        );
    }
    let gone = coordinator.psbt(first).expect_err("nobody listens");
    assert_eq!(gone.code(), "COORDINATOR_UNREACHABLE");
}

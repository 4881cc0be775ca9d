//! What a newcomer meets first: a file that is empty, a key that is elsewhere, a token that is none, and what is to be
//! done next.

use crate::command_line::{Desk, agree};
use std::process::{Command, Output, Stdio};

/// A desk whose people have pinned the policy.
fn pinned() -> Desk {
    let desk = Desk::new();
    let id = agree(&desk).id.to_string();
    for home in ["alice", "dana", "exchange"] {
        desk.json(home, &["init", "--policy", "policy.toml", "--id", &id]);
    }
    desk
}

/// Runs the tool without a passphrase, and with nobody to ask.
fn alone(desk: &Desk, home: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign-signer"))
        .env_clear()
        .current_dir(desk.path("."))
        .args(["--home", home])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("runs")
}

#[track_caller]
fn fails(output: &Output, exit: i32, code: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{said}");
    assert!(said.contains(&format!("({code})")), "{said}");
}

#[test]
fn a_key_that_is_not_here_is_told_before_anything_is_asked() {
    let desk = pinned();
    let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    let request = [
        "request",
        "--to",
        address,
        "--amount-sat",
        "1000",
        "--id",
        "w1",
    ];
    fails(&alone(&desk, "dana", &request), 2, "NO_KEY");
    let asked = desk.json("exchange", &request);
    std::fs::write(desk.path("w1.json"), asked.to_string()).expect("writes");
    for verb in [
        &["approve", "w1.json"][..],
        &["reject", "w1.json"],
        &["maintain", "w1.json"],
        &["stop", "--reason", "stolen", "--key", "nobody"],
    ] {
        fails(&alone(&desk, "alice", verb), 2, "NO_KEY");
    }
    // With the key there, it is the yes that is asked for, and then the passphrase.
    fails(
        &alone(&desk, "dana", &["approve", "w1.json"]),
        2,
        "NOBODY_TO_ASK",
    );
    fails(
        &alone(&desk, "dana", &["sign", "w1.json"]),
        2,
        "NOT_A_SIGNER",
    );
}

#[test]
fn an_empty_file_is_told_as_one() {
    let desk = pinned();
    std::fs::write(desk.path("empty"), "").expect("writes");
    for verb in [
        &["review", "empty"][..],
        &["sign", "empty", "--yes"],
        &["policy", "check", "empty"],
        &["stop", "take", "empty"],
        &["list", "note", "empty"],
    ] {
        let output = desk.run("alice", verb);
        fails(&output, 2, "EMPTY_FILE");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("empty is empty"), "{said}");
    }
}

#[test]
fn a_signed_release_says_which_signers_follow_and_from_when_on() {
    let desk = pinned();
    let stop = ["stop", "--reason", "stolen", "-o", "stop.json", "--yes"];
    assert_eq!(desk.run("dana", &stop).status.code(), Some(0));
    let release = [
        "stop",
        "release",
        "stop.json",
        "-o",
        "release.json",
        "--yes",
    ];
    let released = desk.run("dana", &release);
    let said = String::from_utf8_lossy(&released.stderr);
    assert_eq!(released.status.code(), Some(0), "{said}");
    for part in [
        "once its own journal takes the release down",
        "`countersign-coordinator statement submit release.json`: signers that serve",
        "follow in their next round",
        "`stop take release.json`, or the inbox of `serve`, at every other signer",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(
        said.lines().all(|line| line.chars().count() <= 80),
        "{said}"
    );
}

/// The policy of the README, filled in as it says: with the descriptor that `policy compile` prints, and with the records
/// that `keygen` prints.
#[test]
fn the_policy_of_the_readme_is_one_once_it_is_filled_in_as_it_says() {
    let desk = Desk::new();
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = std::fs::read_to_string(readme).expect("reads");
    let policy = readme
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("the README shows a policy");
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let (mut records, mut keys) = (String::new(), Vec::new());
    for name in ["alice", "bob", "machine"] {
        let made = desk.json(name, &["keygen", "--network", "regtest", "--name", name]);
        records += &text(&made["record"]);
        keys.extend(["--key".to_owned(), format!("{name}={}", text(&made["key"]))]);
    }
    let dana = desk.json("dana", &["keygen", "--approval", "dana"]);
    records += &text(&dana["record"]).replace("groups = []", "groups = [\"ops\"]");
    let exchange = desk.json("exchange", &["keygen", "--request", "exchange"]);
    records += &text(&exchange["record"]);
    let expression = "thresh(2,pk(alice),pk(bob),pk(machine))";
    assert!(readme.contains(&format!("policy compile '{expression}' --script wsh")));
    let compile = ["policy", "compile", expression, "--script", "wsh"];
    let compile: Vec<&str> = compile
        .into_iter()
        .chain(keys.iter().map(String::as_str))
        .collect();
    let compiled = text(&desk.json("alice", &compile)["descriptor"]);
    let lines: Vec<String> = policy
        .lines()
        .map(|line| {
            if line.starts_with("descriptor = \"\"") {
                format!("descriptor = \"{compiled}\"")
            } else if line.starts_with("# Here the five records") {
                records.clone()
            } else {
                line.to_owned()
            }
        })
        .collect();
    std::fs::write(desk.path("policy.toml"), lines.join("\n") + "\n").expect("writes");
    let checked = desk.json("alice", &["policy", "check", "policy.toml"]);
    let words = checked["words"].as_array().expect("words");
    assert_eq!(words.len(), 24);
    let words: Vec<String> = words.iter().map(text).collect();
    for home in ["alice", "bob", "machine", "dana", "exchange"] {
        let init = ["init", "--policy", "policy.toml", "--id", &words.join(" ")];
        desk.json(home, &init);
    }
}

#[cfg(feature = "online")]
mod online {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    /// A coordinator that answers everything with this, at a port of this host.
    fn coordinator(status: u16, body: &'static str) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
                let mut line = String::new();
                while reader.read_line(&mut line).expect("a line") > 0
                    && !line.ends_with("\r\n\r\n")
                {}
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
                     connection: close\r\n\r\n{body}"
                );
                stream.write_all(head.as_bytes()).expect("answers");
            }
        });
        format!("http://127.0.0.1:{port}")
    }

    fn with_token(desk: &Desk, token: &str) {
        std::fs::write(desk.path("token"), token).expect("writes");
    }

    fn bridge<'a>(url: &'a str, port: &'a str) -> [&'a str; 7] {
        let (url, port) = (["--coordinator", url], ["--port", port]);
        [
            "bridge",
            url[0],
            url[1],
            "--token-file",
            "token",
            port[0],
            port[1],
        ]
    }

    fn free_port() -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        port.to_string()
    }

    /// A bridge that runs until its first code is shown; what it said until then.
    fn opens(desk: &Desk, url: &str) -> String {
        let port = free_port();
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign-signer"))
            .env_clear()
            .current_dir(desk.path("."))
            .args(["--passphrase-file", "passphrase", "--home", "dana"])
            .args(bridge(url, &port))
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut said = BufReader::new(child.stderr.take().expect("is piped"));
        let mut lines = String::new();
        while !lines.contains("To pair a page") {
            assert_ne!(said.read_line(&mut lines).expect("speaks"), 0, "{lines}");
        }
        let killed = Command::new("kill").arg(child.id().to_string()).status();
        assert!(killed.expect("signals").success());
        let mut rest = String::new();
        said.read_to_string(&mut rest).expect("ends");
        assert_eq!(child.wait().expect("ends").code(), Some(0), "{lines}{rest}");
        lines
    }

    #[test]
    fn a_file_that_holds_no_token_is_refused_before_anybody_is_asked() {
        let desk = pinned();
        // Nobody listens on port 1, and nobody needs to.
        let url = "http://127.0.0.1:1";
        let serve = ["serve", "--url", url, "--token-file", "token"];
        for token in ["", "\n", "secret\n", &"0A".repeat(32)] {
            with_token(&desk, token);
            fails(
                &alone(&desk, "dana", &bridge(url, "7543")),
                2,
                "NOT_A_TOKEN",
            );
            fails(&alone(&desk, "alice", &serve), 2, "NOT_A_TOKEN");
        }
    }

    #[test]
    fn a_bridge_whose_token_is_refused_does_not_open() {
        let desk = pinned();
        with_token(&desk, &"0a".repeat(32));
        let problem = r#"{"code": "unauthorized", "detail": "no valid token"}"#;
        for (status, body, exit, code) in [
            (401, problem, 1, "COORDINATOR_REFUSED"),
            (403, problem, 1, "COORDINATOR_REFUSED"),
            (404, "not here", 3, "COORDINATOR_FOREIGN"),
            (200, "<html>", 3, "COORDINATOR_FOREIGN"),
        ] {
            let url = coordinator(status, body);
            let output = alone(&desk, "dana", &bridge(&url, "7543"));
            fails(&output, exit, code);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("Hint: "), "{said}");
            assert!(!said.contains("is open at"), "{said}");
        }
    }

    #[test]
    fn a_bridge_opens_with_a_warning_while_its_coordinator_is_away() {
        let desk = pinned();
        with_token(&desk, &"0a".repeat(32));
        let away = opens(&desk, "http://127.0.0.1:1");
        assert!(
            away.contains("Warning (COORDINATOR_UNREACHABLE): "),
            "{away}"
        );
        assert!(away.contains("asks again with each page"), "{away}");
        let troubled = opens(&desk, &coordinator(503, "starting"));
        assert!(
            troubled.contains("Warning (COORDINATOR_FOREIGN): "),
            "{troubled}"
        );
        let hash = "11".repeat(32);
        let status = format!(r#"{{"event_hash": "{hash}"}}"#);
        let well = opens(&desk, &coordinator(200, status.leak()));
        assert!(!well.contains("Warning"), "{well}");
    }
}

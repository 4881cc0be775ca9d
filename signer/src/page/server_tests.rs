//! Tests of the page's place: what it tells whom.

use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use ureq::Agent;
use ureq::http::Response as Reply;

/// A port of this host, held as long as the listener.
fn taken_port() -> (TcpListener, u16) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let bound = runtime
        .expect("a runtime")
        .block_on(TcpListener::bind(("127.0.0.1", 0)));
    let listener = bound.expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    (listener, port)
}

/// A page at a free port, with a thread that talks to it; what the page ended with, and what was heard.
fn visited<H: Send + 'static>(
    visit: impl FnOnce(Agent, u16, String) -> H + Send + 'static,
) -> (Result<Vec<u8>, PageError>, H) {
    let (taken, port) = taken_port();
    drop(taken);
    let place = Loopback::at(port).expect("randomness");
    let path = place.path.clone();
    let (heard, hears) = std::sync::mpsc::channel();
    let judge = |body: &[u8]| match body {
        b"good" => Judged::Done(body.to_vec(), "Signed.".to_owned()),
        _ => Judged::Again("It is wrong.".to_owned()),
    };
    let outcome = place.ask("<p>the words</p>".to_owned(), judge, move |url| {
        assert_eq!(url, format!("http://localhost:{port}{path}"));
        let url = format!("http://localhost:{port}");
        std::thread::spawn(move || {
            let agent =
                Agent::new_with_config(Agent::config_builder().http_status_as_error(false).build());
            let visited = catch_unwind(AssertUnwindSafe(|| {
                visit(agent.clone(), port, path.clone())
            }));
            if visited.is_err() {
                // Nobody would ever answer the page.
                post(&agent, &url, port, &format!("{path}decline"), "{}");
            }
            drop(heard.send(visited));
        });
    });
    let visited = hears.recv().expect("the visitor returns");
    (
        outcome,
        visited.unwrap_or_else(|panic| resume_unwind(panic)),
    )
}

fn get(agent: &Agent, host: &str, port: u16, path: &str) -> Reply<ureq::Body> {
    agent
        .get(format!("http://127.0.0.1:{port}{path}"))
        .header("host", host)
        .call()
        .expect("an answer")
}

fn post(agent: &Agent, origin: &str, port: u16, path: &str, body: &str) -> u16 {
    agent
        .post(format!("http://127.0.0.1:{port}{path}"))
        .header("host", format!("localhost:{port}"))
        .header("origin", origin)
        .content_type("application/json")
        .send(body)
        .expect("an answer")
        .status()
        .as_u16()
}

#[test]
fn a_page_answers_only_its_own_host_path_and_origin_and_ends_with_the_first_good_answer() {
    let (outcome, statuses) = visited(|agent, port, path| {
        let host = format!("localhost:{port}");
        let own = format!("http://{host}");
        let shown = get(&agent, &host, port, &path);
        let policy = shown.headers()["content-security-policy"]
            .to_str()
            .expect("text");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        let mut statuses = vec![shown.status().as_u16()];
        // A name of somebody else's that leads to this host, and the host without its name.
        for other in ["evil.example", &format!("127.0.0.1:{port}"), "localhost"] {
            statuses.push(get(&agent, other, port, &path).status().as_u16());
        }
        for other in [
            "/",
            "/00/",
            &path[..path.len() - 2],
            &format!("{path}other"),
        ] {
            statuses.push(get(&agent, &host, port, other).status().as_u16());
        }
        let answer = format!("{path}answer");
        statuses.push(post(&agent, "http://evil.example", port, &answer, "good"));
        statuses.push(post(&agent, "null", port, &answer, "good"));
        statuses.push(post(&agent, &own, port, "/answer", "good"));
        statuses.push(post(&agent, &own, port, &answer, "bad"));
        statuses.push(post(
            &agent,
            &own,
            port,
            &answer,
            &"x".repeat(MAX_ANSWER + 1),
        ));
        statuses.push(post(&agent, &own, port, &answer, "good"));
        statuses
    });
    let expected = [
        200, 421, 421, 421, 404, 404, 404, 404, 403, 403, 404, 422, 413, 200,
    ];
    assert_eq!(statuses, expected);
    assert_eq!(outcome.expect("is answered"), b"good");
}

#[test]
fn a_declined_page_signs_nothing() {
    let (outcome, status) = visited(|agent, port, path| {
        let own = format!("http://localhost:{port}");
        post(&agent, &own, port, &format!("{path}decline"), "{}")
    });
    assert_eq!(status, 200);
    assert!(matches!(outcome, Err(PageError::Declined)));
}

#[test]
fn two_pages_never_share_a_path_and_a_taken_port_is_refused() {
    let (taken, port) = taken_port();
    let (one, other) = (Loopback::at(port), Loopback::at(port));
    let (one, other) = (one.expect("randomness"), other.expect("randomness"));
    assert_ne!(one.url(), other.url());
    let refused = one.ask(
        String::new(),
        |_| Judged::<()>::Again(String::new()),
        |_| (),
    );
    assert!(matches!(refused, Err(PageError::Port { .. })));
    drop(taken);
}

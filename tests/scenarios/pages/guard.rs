//! What keeps others from acting as somebody who is signed in (threats: cross-site requests, frames, fixation).

use harness::{Engine, Outcome, ScriptKind, Treasury, Web, form};
use ureq::http::Method;

/// A form that changes nothing when it goes through, and is there for everybody.
const FORM: &str = "/account/unit";

/// 1. Dana joins by her invitation, with a passkey, in a real browser.
/// 2. Pages are told to nobody else: not without a session, not with a wrong one, not under another host's name.
/// 3. A form of hers from another origin, of no origin, without the session's token or with another session's
///    changes nothing; her own goes through.
/// 4. Every answer, also a refusal, forbids inline code, frames, sniffing and keeping.
/// 5. A link from elsewhere comes without the cookie: the page asks for itself, and nothing is shown before.
#[test]
fn a_session_is_used_by_its_own_pages_alone() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let browser = treasury.join("dana", "operator")?;
    let dana = Web::of(&treasury, &browser)?;
    let nobody = Web::nobody(&treasury);
    let vault = treasury.path("/withdrawals");

    let seen = nobody.get(&vault)?;
    assert_eq!(seen.status, 303, "{}", seen.text);
    let to = seen.header("location").unwrap_or_default().to_owned();
    assert!(to.starts_with("/sign-in?to="), "{to}");
    assert_eq!(
        Web::with_session(&treasury, &"ab".repeat(32))?
            .get(&vault)?
            .status,
        303
    );
    assert_eq!(dana.get(&vault)?.status, 200);
    for host in ["evil.example", "127.0.0.1:7540", ""] {
        let seen = dana.send(&Method::GET, &vault, &[("host", host)], b"")?;
        assert!([400, 421].contains(&seen.status), "{host}: {}", seen.status);
        assert!(!seen.text.contains("data-csrf"), "{host}");
    }

    let good = form(&[("csrf", dana.csrf()), ("unit", "sat"), ("to", "/")]);
    let without = form(&[("unit", "sat"), ("to", "/")]);
    let other = form(&[
        ("csrf", &"0".repeat(dana.csrf().len())),
        ("unit", "sat"),
        ("to", "/"),
    ]);
    let own = dana.origin().to_owned();
    for (headers, body) in [
        (vec![], &good),
        (vec![("origin", "null")], &good),
        (vec![("origin", "https://evil.example")], &good),
        (vec![("origin", "http://localhost")], &good),
        (
            vec![("origin", own.as_str()), ("origin", "https://evil.example")],
            &good,
        ),
        (
            vec![("origin", own.as_str()), ("sec-fetch-site", "cross-site")],
            &good,
        ),
        (
            vec![("origin", own.as_str()), ("sec-fetch-site", "same-site")],
            &good,
        ),
        (vec![("origin", own.as_str())], &without),
        (vec![("origin", own.as_str())], &other),
    ] {
        let seen = dana.post_raw(FORM, &headers, body.as_bytes())?;
        assert_eq!(seen.status, 403, "{headers:?} {body}: {}", seen.text);
        assert!(seen.header("set-cookie").is_none(), "{headers:?}");
    }
    assert_eq!(
        nobody
            .post_raw(FORM, &[("origin", &own)], good.as_bytes())?
            .status,
        401
    );
    assert_eq!(
        dana.post_raw(FORM, &[("origin", &own)], good.as_bytes())?
            .status,
        303
    );

    for path in [
        vault.as_str(),
        "/sign-in",
        "/nowhere",
        "/vaults/x/coins",
        "/",
    ] {
        for visitor in [&dana, &nobody] {
            let seen = visitor.get(path)?;
            let policy = seen
                .header("content-security-policy")
                .unwrap_or_default()
                .to_owned();
            for part in [
                "default-src 'none'",
                "script-src 'self'",
                "frame-ancestors 'none'",
                "base-uri 'none'",
            ] {
                assert!(policy.contains(part), "{path}: {policy}");
            }
            assert!(
                !policy.contains("unsafe") && !policy.contains('*'),
                "{policy}"
            );
            for (name, value) in [
                ("x-frame-options", "DENY"),
                ("x-content-type-options", "nosniff"),
                ("cache-control", "no-store"),
                ("cross-origin-opener-policy", "same-origin"),
            ] {
                assert_eq!(seen.header(name), Some(value), "{path} {name}");
            }
            let inline = ["<style", "style=", "onclick", "javascript:", "<script>"];
            assert!(
                inline.iter().all(|part| !seen.text.contains(part)),
                "{path}"
            );
        }
    }

    let from_a_mail = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
    ];
    let seen = nobody.send(&Method::GET, &vault, &from_a_mail, b"")?;
    assert_eq!(seen.status, 200);
    assert!(seen.text.contains("http-equiv=\"refresh\"") && !seen.text.contains("treasury"));
    Ok(())
}

//! The account's own pages: passkeys, page keys, the own tool, the unit.

use serde_json::json;

use super::served::{Browser, Served};
use crate::service::people::PersonRole;
use crate::service::people::soft_passkey::SoftPasskey;

#[test]
fn a_passkey_and_a_page_key_are_added_only_with_the_sessions_token() {
    let served = Served::start();
    let (_, dana) = served.person("dana", PersonRole::Approver);
    let without = Browser {
        csrf: String::new(),
        ..dana.clone()
    };
    assert_eq!(
        served
            .script("/account/passkeys/begin", &without, &json!({}))
            .status,
        403
    );
    let second = SoftPasskey::new("second");
    let asked = served.asked("/account/passkeys/begin", &dana);
    let answer = json!(second.create(&served.site(), &asked));
    assert_eq!(
        served
            .script("/account/passkeys/finish", &without, &answer)
            .status,
        403
    );
    assert_eq!(
        served
            .script("/account/passkeys/finish", &dana, &answer)
            .status,
        200
    );
    assert_eq!(served.sign_in(&second, &Browser::default()).status, 200);
    let page = SoftPasskey::new("page");
    let asked = served.asked("/account/page-keys/begin", &dana);
    let answer = json!(page.create(&served.site(), &asked));
    assert_eq!(
        served
            .script("/account/page-keys/finish", &dana, &answer)
            .status,
        200
    );
    let account = served.get("/account", &dana).text;
    for words in [
        "An approval by a page key trusts this page",
        "webauthn-es256:",
        "tool = &#34;page&#34;",
    ] {
        assert!(account.contains(words), "{words} in {account}");
    }
    assert_eq!(served.sign_in(&page, &Browser::default()).status, 401);
}

#[test]
fn the_last_passkey_is_refused_on_the_accounts_own_page() {
    let served = Served::start();
    let (_, dana) = served.person("dana", PersonRole::Approver);
    let account = served.get("/account", &dana).text;
    let (_, rest) = account
        .split_once("name=\"id\" value=\"")
        .expect("a passkey");
    let id = rest.split('"').next().expect("an id");
    let refused = served.form("/account/passkeys/revoke", &dana, &[("id", id)]);
    assert_eq!(refused.status, 409);
    assert!(
        refused.text.contains("last passkey")
            && refused.text.contains("Add another passkey first.")
    );
    let renamed = served.form(
        "/account/passkeys/rename",
        &dana,
        &[("id", id), ("label", "<b>old</b>")],
    );
    assert_eq!(renamed.status, 303);
    let account = served.get("/account", &dana).text;
    assert!(account.contains("&lt;b&gt;old&lt;/b&gt;") && !account.contains("<b>old"));
}

#[test]
fn the_own_tool_is_paired_by_a_form_that_goes_to_its_port_alone() {
    let served = Served::start();
    let (_, dana) = served.person("dana", PersonRole::Approver);
    for port in ["", "80", "65536", "7543; evil", "evil.example"] {
        let wrong = served.form("/account/bridge", &dana, &[("port", port)]);
        assert_eq!(wrong.status, 422, "{port}");
        assert!(!wrong.text.contains("/pair"), "{port}");
    }
    assert_eq!(
        served
            .form("/account/bridge", &dana, &[("port", "7544")])
            .status,
        303
    );
    let page = served.get("/account/bridge", &dana).text;
    assert!(
        page.contains("action=\"http://localhost:7544/pair\""),
        "{page}"
    );
    assert!(page.contains(&format!(
        "name=\"back\" value=\"{}/account/bridge\"",
        served.origin
    )));
    assert_eq!(
        served.form("/account/bridge/forget", &dana, &[]).status,
        303
    );
    assert!(!served.get("/account/bridge", &dana).text.contains("/pair"));
}

#[test]
fn the_unit_is_remembered_and_leads_to_no_other_place() {
    let served = Served::start();
    let (_, dana) = served.person("dana", PersonRole::Approver);
    let seen = served.form(
        "/account/unit",
        &dana,
        &[("unit", "sat"), ("to", "//evil.example")],
    );
    assert_eq!((seen.status, seen.location.as_str()), (303, "/"));
    assert!(
        seen.cookies[0].starts_with("countersign-unit=sat; "),
        "{:?}",
        seen.cookies
    );
}

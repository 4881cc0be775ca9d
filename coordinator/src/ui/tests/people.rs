//! What operators decide together, who is away, and tokens.

use super::{Browser, PersonRole, Served};

#[test]
fn operators_invite_and_decide_together_and_nobody_else_does() {
    let served = Served::start();
    let (_, olga) = served.person("olga", PersonRole::Operator);
    let (_, oscar) = served.person("oscar", PersonRole::Operator);
    let (_, dana) = served.person("dana", PersonRole::Approver);
    let wrong = served.form(
        "/invites",
        &olga,
        &[("name", "Erin <x>"), ("role", "auditor")],
    );
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.text.contains("value=\"Erin &#60;x&#62;\"")
            || wrong.text.contains("value=\"Erin &lt;x&gt;\"")
    );
    assert!(wrong.text.contains("id=\"name-wrong\""), "{}", wrong.text);
    let taken = served.form("/invites", &olga, &[("name", "dana"), ("role", "auditor")]);
    assert_eq!(taken.status, 422, "the role is another one");
    let made = served.form("/invites", &olga, &[("name", "erin"), ("role", "operator")]);
    assert_eq!(made.status, 201);
    assert!(made.text.contains("Another operator must confirm it"));
    let (_, rest) = made.text.split_once("/invitations/").expect("a link");
    let link = format!("/invitations/{}", rest.split('"').next().expect("a link"));
    assert_eq!(served.get(&link, &Browser::default()).status, 422);
    let people = served.get("/people", &oscar).text;
    let (_, rest) = people
        .split_once("action=\"/invites/")
        .expect("an invitation");
    let confirm = format!(
        "/invites/{}/confirm",
        rest.split('/').next().expect("an id")
    );
    assert_eq!(served.form(&confirm, &dana, &[]).status, 403);
    assert_eq!(served.form(&confirm, &olga, &[]).status, 403);
    assert_eq!(served.form(&confirm, &oscar, &[]).status, 303);
    assert_eq!(served.get(&link, &Browser::default()).status, 200);
    let proposed = served.form("/people/dana/role", &olga, &[("role", "operator")]);
    assert_eq!(proposed.location, "/people/dana");
    assert_eq!(
        served.get("/account", &dana).status,
        200,
        "nothing changed yet"
    );
    let page = served.get("/people/dana", &oscar).text;
    let (_, rest) = page.split_once("action=\"/roles/").expect("a proposal");
    let decide = format!("/roles/{}/decide", rest.split('/').next().expect("an id"));
    assert_eq!(
        served.form(&decide, &olga, &[("word", "confirm")]).status,
        403
    );
    assert_eq!(
        served.form(&decide, &oscar, &[("word", "maybe")]).status,
        400
    );
    assert_eq!(
        served.form(&decide, &oscar, &[("word", "confirm")]).status,
        303
    );
    assert_eq!(served.get("/account", &dana).status, 303, "signs in anew");
    let page = served.get("/people/dana", &oscar).text;
    assert!(page.contains("operator instead of approver, proposed by olga, confirmed by oscar"));
}

#[test]
fn an_absence_is_said_in_days_and_wrong_days_are_told_beside_the_field() {
    let served = Served::start();
    let (_, dana) = served.person("dana", PersonRole::Approver);
    let wrong = served.form(
        "/account/away",
        &dana,
        &[
            ("from", "2026-11-30"),
            ("until", "2026-11-29"),
            ("reason", "trip"),
        ],
    );
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("id=\"until-wrong\"") && wrong.text.contains("value=\"trip\""));
    let said = served.form(
        "/account/away",
        &dana,
        &[
            ("from", "2026-11-20"),
            ("until", "2026-12-04"),
            ("reason", "trip"),
        ],
    );
    assert_eq!(said.status, 303, "{}", said.text);
    let people = served.get("/people", &dana).text;
    assert!(
        people.contains("from <time") && people.contains("trip"),
        "{people}"
    );
    let (_, rest) = people
        .split_once("action=\"/absences/")
        .expect("an absence");
    let end = format!("/absences/{}/end", rest.split('/').next().expect("an id"));
    let (_, erin) = served.person("erin", PersonRole::Approver);
    assert_eq!(served.form(&end, &erin, &[]).status, 403);
    assert_eq!(served.form(&end, &dana, &[]).status, 303);
}

#[test]
fn a_token_is_shown_once_and_only_operators_make_one() {
    let served = Served::start();
    let (_, olga) = served.person("olga", PersonRole::Operator);
    let (_, dana) = served.person("dana", PersonRole::Approver);
    assert_eq!(served.get("/tokens", &dana).status, 403);
    assert_eq!(
        served
            .form("/tokens", &dana, &[("name", "x"), ("role", "operator")])
            .status,
        403
    );
    let wrong = served.form("/tokens", &olga, &[("name", "exchange"), ("role", "king")]);
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("value=\"exchange\"") && wrong.text.contains("id=\"role-wrong\""));
    let taken = served.form("/tokens", &olga, &[("name", "dana"), ("role", "signer")]);
    assert_eq!(taken.status, 409);
    let made = served.form(
        "/tokens",
        &olga,
        &[("name", "exchange"), ("role", "service")],
    );
    assert_eq!(made.status, 201);
    let (_, rest) = made
        .text
        .split_once("id=\"secret\" data-copy=\"")
        .expect("a secret");
    let secret = rest.split('"').next().expect("a secret");
    assert_eq!(secret.len(), 64);
    let list = served.get("/tokens", &olga).text;
    assert!(list.contains("exchange") && !list.contains(secret));
    let (_, rest) = list.split_once("action=\"/tokens/").expect("a token");
    let revoke = format!("/tokens/{}/revoke", rest.split('/').next().expect("an id"));
    assert_eq!(served.form(&revoke, &olga, &[]).status, 303);
    assert!(!served.get("/tokens", &olga).text.contains("exchange"));
    let csv = served.get("/tokens?state=revoked&format=csv", &olga).text;
    assert!(
        csv.starts_with("id,name,role,vault,made,made_by,revoked\r\n") && csv.contains("exchange"),
        "{csv}"
    );
    let csv = served.get("/people?format=csv", &dana).text;
    assert!(
        csv.contains("dana,approver,,") && csv.contains("olga,operator,,"),
        "{csv}"
    );
}

//! The pages of people: who invites, who decides, who is away.

use super::served::{Browser, Served};
use crate::service::people::PersonRole;

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

//! The pages of people: who is here, who invites, who decides, who is away.

use super::served::{Browser, Served};
use crate::service::paging::PAGE;
use crate::service::people::PersonRole;
use crate::store::people::persons::{self, PersonRow};

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

impl Served {
    /// So many approvers, who never signed in.
    fn add_approvers(&self, names: impl IntoIterator<Item = String>) {
        self.runtime.block_on(async {
            let mut tx = (self.service.database().begin_write().await).expect("begins");
            for name in names {
                let row = PersonRow {
                    name,
                    role: PersonRole::Approver.name().to_owned(),
                    vault: None,
                    created_at: self.service.now(),
                    created_by: "test".to_owned(),
                    ended_at: None,
                };
                persons::insert(&mut tx, &row).await.expect("stored");
            }
            tx.commit().await.expect("commits");
        });
    }
}

#[test]
fn more_persons_than_a_page_holds_are_paged_with_their_filters_and_all_in_the_file() {
    let served = Served::start();
    let (_, olga) = served.person("olga", PersonRole::Operator);
    served.add_approvers((0..=PAGE).map(|number| format!("p{number:02}")));
    let approvers = "/people?role=approver&text=P";
    let link = |name: &str| format!("href=\"/people/{name}\"");
    let first = served.get(approvers, &olga);
    assert!(
        first.text.contains(&link("p00")) && first.text.contains(&link("p49")),
        "{first:?}"
    );
    assert!(!first.text.contains(&link("p50")), "it is on the next page");
    assert!(
        first.text.contains("<option value=\"p50\""),
        "everybody can be said to be away"
    );
    let next = first.next_page();
    assert!(
        next.starts_with("/people?role=approver") && next.contains("text=P"),
        "{next}"
    );
    let second = served.get(&next, &olga).text;
    assert!(
        second.contains(&link("p50")) && !second.contains(&link("p49")),
        "{second}"
    );
    let file = served.get(&format!("{approvers}&format=csv"), &olga).text;
    assert_eq!(file.lines().count(), 52, "a head, and every person");
}

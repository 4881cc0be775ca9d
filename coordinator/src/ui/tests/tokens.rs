//! The pages of tokens.

use super::served::Served;
use crate::service::paging::PAGE;
use crate::service::people::PersonRole;
use crate::service::tokens::{NewToken, create_token};
use crate::service::{Actor, Role};

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

#[test]
fn more_tokens_than_a_page_holds_are_paged_with_their_filters_and_all_in_the_file() {
    let served = Served::start();
    let (_, olga) = served.person("olga", PersonRole::Operator);
    let operator = Actor::local();
    for number in 0..=PAGE {
        let new = NewToken {
            name: format!("=tool {number:02}"),
            role: Role::Auditor,
            vault: None,
        };
        let made = create_token(&served.service, &operator, &new);
        served.runtime.block_on(made).expect("a token");
        served.pass(1);
    }
    let of_auditors = "/tokens?role=auditor&text=TOOL";
    let first = served.get(of_auditors, &olga);
    assert!(
        first.text.contains("=tool 50") && first.text.contains("=tool 01"),
        "{first:?}"
    );
    assert!(!first.text.contains("=tool 00"), "it is on the next page");
    let next = first.next_page();
    assert!(
        next.starts_with("/tokens?role=auditor") && next.contains("text=TOOL"),
        "{next}"
    );
    let second = served.get(&next, &olga).text;
    assert!(
        second.contains("=tool 00") && !second.contains("=tool 01"),
        "{second}"
    );
    assert!(second.contains("Newest") && !second.contains("Next page"));
    let none = served.get("/tokens?role=service&text=TOOL", &olga).text;
    assert!(none.contains("No token meets this filter."));
    let file = served.get(&format!("{of_auditors}&format=csv"), &olga).text;
    assert_eq!(file.lines().count(), 52, "a head, and every token");
    assert!(file.contains(",'=tool 00,"), "no cell is a formula: {file}");
}

//! API tokens: who holds one for what, making one, revoking one.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::Ui;
use super::fault::{Fault, sentence};
use super::filters::{after, moment};
use super::frame::{Frame, Place, page_with, see_other_saying};
use super::listing::{Pager, csv, link};
use super::posted::{Asked, Named, Posted, Wrong};
use super::routes::{Needs, Table};
use super::show::{Moment, Outside, State as StateChip};
use super::visitor::Visitor;
use crate::service::paging::PAGE;
use crate::service::tokens::{self, NewToken, TokenFilter, TokenView, page_of_tokens};
use crate::service::{MAX_LIMIT, Right, Role};

pub(super) fn routes(table: Table) -> Table {
    let needs = Needs::Right(Right::Tokens);
    table
        .get("/tokens", needs, show)
        .post("/tokens", needs, create)
        .post("/tokens/{id}/revoke", needs, revoke)
}

/// What a role of a token is for.
const fn what_it_is(role: Role) -> &'static str {
    match role {
        Role::Service => "service: issues addresses, submits withdrawals, hands in approvals",
        Role::Signer => "signer: fetches what is to be signed, hands in signatures and approvals",
        Role::Operator => "operator: everything",
        Role::Auditor => "auditor: reads everything, changes nothing",
    }
}

/// A token without its secret.
struct TokenLine {
    id: String,
    name: Outside,
    role: &'static str,
    vault: Option<String>,
    made: Moment,
    by: Outside,
    revoked: Option<Moment>,
    state: StateChip,
}

#[derive(Template)]
#[template(path = "tokens/tokens.html")]
struct TokensPage {
    frame: Frame,
    tokens: Vec<TokenLine>,
    filter: TokensQuery,
    filtered: bool,
    pager: Pager,
    csv: String,
    roles: Vec<(&'static str, &'static str)>,
    vaults: Vec<(String, String)>,
    form: TokenForm,
    wrong: Wrong,
    refused: Option<String>,
}

#[derive(Template)]
#[template(path = "tokens/made.html")]
struct MadePage {
    frame: Frame,
    name: Outside,
    role: &'static str,
    secret: String,
}

/// Which tokens are asked for.
#[derive(Debug, Clone, Default, Deserialize)]
struct TokensQuery {
    /// `active` (also where nothing is said), `revoked` or `all`.
    #[serde(default)]
    state: String,
    /// A role, or nothing for all.
    #[serde(default)]
    role: String,
    /// Part of a name.
    #[serde(default)]
    text: String,
    /// The place where the page begins.
    #[serde(default)]
    after: String,
    #[serde(default)]
    format: String,
}

impl TokensQuery {
    fn read(&self) -> TokenFilter {
        TokenFilter {
            revoked: match self.state.as_str() {
                "revoked" => Some(true),
                "all" => None,
                _ => Some(false),
            },
            role: self.role.clone(),
            text: self.text.trim().to_owned(),
        }
    }

    fn filters(&self) -> [(&str, &str); 3] {
        [
            ("state", &self.state),
            ("role", &self.role),
            ("text", &self.text),
        ]
    }
}

/// What is typed about a new token.
#[derive(Debug, Clone, Default, Deserialize)]
struct TokenForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    vault: String,
}

async fn show(
    State(ui): State<Ui>,
    visitor: Visitor,
    Asked(query): Asked<TokensQuery>,
) -> Result<Response, Fault> {
    if query.format == "csv" {
        return as_csv(&ui, &visitor, query).await;
    }
    draw(
        &ui,
        &visitor,
        query,
        TokenForm::default(),
        Wrong::default(),
        None,
    )
    .await
}

async fn draw(
    ui: &Ui,
    visitor: &Visitor,
    query: TokensQuery,
    form: TokenForm,
    wrong: Wrong,
    refused: Option<&Fault>,
) -> Result<Response, Fault> {
    let begin = after(&query.after)?;
    let wanted = query.read();
    let (service, actor) = (&ui.service, &visitor.actor);
    let paged = page_of_tokens(service, actor, &wanted, begin.as_ref(), PAGE).await?;
    let status = match refused {
        Some(fault) => fault.status(),
        None if wrong.is_empty() => StatusCode::OK,
        None => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let filters = query.filters();
    let marked = begin.as_ref().map(|_| query.after.as_str());
    let template = TokensPage {
        frame: visitor.frame("Tokens", Place::Tokens),
        tokens: (paged.items.into_iter())
            .map(|token| TokenLine {
                name: Outside::new(&token.name),
                role: token.role.name(),
                vault: token.vault.map(|vault| visitor.name_of(vault)),
                made: Moment::new(token.created_at),
                by: Outside::new(&token.created_by),
                state: StateChip::new(if token.revoked_at.is_some() {
                    "revoked"
                } else {
                    "active"
                }),
                revoked: token.revoked_at.map(Moment::new),
                id: token.id,
            })
            .collect(),
        filtered: filters.iter().any(|(_, value)| !value.is_empty()),
        pager: Pager::new("/tokens", &filters, marked, paged.next.as_ref()),
        csv: link("/tokens", &filters, &[("format", "csv")]),
        filter: query.clone(),
        roles: Role::ALL
            .map(|role| (role.name(), what_it_is(role)))
            .to_vec(),
        vaults: visitor
            .vaults
            .iter()
            .map(|(id, name)| (id.to_string(), name.clone()))
            .collect(),
        form,
        wrong,
        refused: refused.map(|fault| {
            let hint = fault.hint().unwrap_or_default();
            format!("{} {}", fault.words(), sentence(hint))
        }),
    };
    page_with(status, &template)
}

async fn create(
    State(ui): State<Ui>,
    visitor: Visitor,
    Posted(form): Posted<TokenForm>,
) -> Result<Response, Fault> {
    let mut wrong = Wrong::default();
    let Some(new) = read(&form, &mut wrong) else {
        return draw(&ui, &visitor, TokensQuery::default(), form, wrong, None).await;
    };
    match tokens::create_token(&ui.service, &visitor.actor, &new).await {
        Ok(made) => {
            let template = MadePage {
                frame: visitor.frame("A new token", Place::Tokens),
                name: Outside::new(&made.token.name),
                role: made.token.role.name(),
                secret: made.secret,
            };
            page_with(StatusCode::CREATED, &template)
        }
        Err(error) => {
            let fault = Fault::from(error);
            let query = TokensQuery::default();
            draw(&ui, &visitor, query, form, wrong, Some(&fault)).await
        }
    }
}

fn read(form: &TokenForm, wrong: &mut Wrong) -> Option<NewToken> {
    let name = form.name.trim();
    let printable = name.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    if !printable || name.is_empty() || name.len() > 64 {
        wrong.add("name", "1 to 64 printable ASCII characters.");
    }
    let role: Option<Role> = form.role.parse().ok();
    if role.is_none() {
        wrong.add("role", "Choose a role.");
    }
    let vault = match form.vault.as_str() {
        "" => None,
        text => {
            let vault = text.parse().ok();
            if vault.is_none() {
                wrong.add("vault", "Choose a vault of the list.");
            }
            vault
        }
    };
    let role = role.filter(|_| wrong.is_empty())?;
    Some(NewToken {
        name: name.to_owned(),
        role,
        vault,
    })
}

async fn revoke(State(ui): State<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    tokens::revoke_token(&ui.service, &visitor.actor, named.text("id")?).await?;
    Ok(see_other_saying(
        "/tokens",
        "The token is revoked. It opens nothing any more.",
    ))
}

async fn as_csv(ui: &Ui, visitor: &Visitor, query: TokensQuery) -> Result<Response, Fault> {
    let (service, actor, wanted) = (ui.service.clone(), visitor.actor.clone(), query.read());
    csv(
        "tokens.csv",
        &["id", "name", "role", "vault", "made", "made_by", "revoked"],
        move |after| {
            let (service, actor, wanted) = (service.clone(), actor.clone(), wanted.clone());
            async move {
                let after = after.as_ref();
                Ok(page_of_tokens(&service, &actor, &wanted, after, MAX_LIMIT).await?)
            }
        },
        |token: &TokenView| {
            vec![
                token.id.clone(),
                token.name.clone(),
                token.role.name().to_owned(),
                token
                    .vault
                    .map_or_else(String::new, |vault| vault.to_string()),
                moment(Some(token.created_at)),
                token.created_by.clone(),
                moment(token.revoked_at),
            ]
        },
    )
    .await
}

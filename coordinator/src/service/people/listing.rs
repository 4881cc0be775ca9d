//! Persons a page at a time, by name.

use super::view::{Everybody, PeopleView, PersonView, view_of};
use super::{Actor, Service, ServiceError};
use crate::service::paging::{Cursor, Paged};
use crate::service::{MAX_LIMIT, Right};
use crate::store::people::persons;

pub use crate::store::people::persons::{PersonFilter, Standing};

/// A page of persons, and what waits about anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeoplePage {
    /// The persons of the page, and what waits.
    pub view: PeopleView,
    /// Where the next page begins.
    pub next: Option<Cursor>,
    /// The names of all who are not revoked.
    pub names: Vec<String>,
}

/// The persons after a place, by name.
///
/// # Errors
/// [`ServiceError::Forbidden`] for whoever is for one vault only; [`ServiceError::Malformed`] for a cursor of another
/// list.
pub async fn page_of_people(
    service: &Service,
    actor: &Actor,
    filter: &PersonFilter,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Paged<PersonView>, ServiceError> {
    actor.require_everywhere(Right::Read)?;
    let after = name_of(after)?;
    let limit = limit.clamp(1, MAX_LIMIT);
    let mut tx = service.database().begin_read().await?;
    let more = limit.saturating_add(1);
    let rows = persons::page(&mut tx, filter, service.now(), &after, more).await?;
    let paged = Paged::from_rows(rows, limit, |row| Cursor::of(&[&row.name]));
    let everybody = Everybody::read(service, &mut tx, paged.items).await?;
    Ok(Paged {
        items: everybody.views()?,
        next: paged.next,
    })
}

/// The same with what waits about anybody, as the page of people shows it.
///
/// # Errors
/// As [`page_of_people`].
pub async fn show_people(
    service: &Service,
    actor: &Actor,
    filter: &PersonFilter,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<PeoplePage, ServiceError> {
    let paged = page_of_people(service, actor, filter, after, limit).await?;
    let mut tx = service.database().begin_read().await?;
    let view = view_of(service, actor, &mut tx, Vec::new()).await?;
    Ok(PeoplePage {
        view: PeopleView {
            people: paged.items,
            ..view
        },
        next: paged.next,
        names: persons::active_names(&mut tx).await?,
    })
}

fn name_of(after: Option<&Cursor>) -> Result<String, ServiceError> {
    let Some(after) = after else {
        return Ok(String::new());
    };
    match after.parts().as_slice() {
        [name] => Ok((*name).to_owned()),
        _ => Err(ServiceError::Malformed {
            field: "after",
            expected: "the mark of a page of this list",
        }),
    }
}

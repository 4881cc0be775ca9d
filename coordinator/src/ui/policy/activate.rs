//! Putting a version in force here: first what that would do, then doing it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use policies::{PolicyId, VaultId};

use super::shown::Shown;
use crate::service::adopting::{Adopt, AdoptionView, adopt_version};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page, see_other_saying};
use crate::ui::posted::Named;
use crate::ui::visitor::Visitor;

#[derive(Template)]
#[template(path = "policy/activate.html")]
struct ActivatePage {
    frame: Frame,
    show: Shown,
    vault: VaultId,
    adoption: AdoptionView,
}

/// Says what activating a version would do.
pub(super) async fn preview(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let (vault, version): (VaultId, PolicyId) = (named.vault()?, named.get("id")?);
    let request = Adopt { preview: true };
    let adoption = adopt_version(&ui.service, &visitor.actor, vault, version, &request).await?;
    if adoption.in_force {
        let path = format!("/vaults/{vault}/policy/versions/{version}");
        return Ok(see_other_saying(&path, "It is in force here already."));
    }
    page(&ActivatePage {
        frame: visitor.frame("Activate a version", Place::Vault(vault, Tab::Policy)),
        show: Shown { unit: visitor.unit },
        vault,
        adoption,
    })
}

/// Activates a version.
pub(super) async fn activate(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let (vault, version): (VaultId, PolicyId) = (named.vault()?, named.get("id")?);
    let request = Adopt { preview: false };
    let adoption = adopt_version(&ui.service, &visitor.actor, vault, version, &request).await?;
    let path = format!("/vaults/{vault}/policy/versions/{version}");
    Ok(see_other_saying(&path, &adoption.says))
}

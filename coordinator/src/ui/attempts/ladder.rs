//! The ladder that an attempt is a rung of, on its page: its rungs, and the button that releases the next one.

use axum::extract::State;
use axum::response::Response;
use bitcoin::{Amount, Txid};

use super::short;
use crate::service::ladders::{RungView, release_this_rung, show_ladder};
use crate::service::{FeeError, ServiceError};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::see_other_saying;
use crate::ui::posted::Named;
use crate::ui::show::{Moment, Money, State as Chip};
use crate::ui::visitor::Visitor;

/// A ladder.
pub(super) struct Ladder {
    pub(super) rungs: Vec<Rung>,
    /// The attempt that may be released next, and its feerate.
    pub(super) next: Option<(String, String)>,
}

/// A rung.
pub(super) struct Rung {
    pub(super) place: u32,
    pub(super) href: String,
    pub(super) short: String,
    pub(super) own: bool,
    pub(super) state: Chip,
    pub(super) feerate: String,
    pub(super) fee: Money,
    pub(super) held: bool,
    pub(super) released: Option<(Moment, String)>,
}

impl Ladder {
    /// The ladder of an attempt, if it is a rung of one.
    pub(super) async fn of(ui: &Ui, visitor: &Visitor, txid: Txid) -> Result<Option<Self>, Fault> {
        let found = match show_ladder(&ui.service, &visitor.actor, txid).await {
            Ok(found) => found,
            Err(ServiceError::Fee(FeeError::NoLadder { .. })) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let released = found.rungs.iter().filter(|rung| rung.released_at.is_some());
        let highest = released.map(|rung| rung.place).max().unwrap_or_default();
        let mut above = found.rungs.iter().filter(|rung| rung.place > highest);
        let next = above.find(|rung| rung.held);
        let next = next.map(|rung| (rung.txid.to_string(), rung.feerate_sat_vb.clone()));
        let row = |rung: &RungView| Rung {
            place: rung.place,
            href: format!("/attempts/{}", rung.txid),
            short: short(&rung.txid),
            own: rung.txid == txid,
            state: Chip::new(&rung.state),
            feerate: rung.feerate_sat_vb.clone(),
            fee: Money::new(Amount::from_sat(rung.fee_sat), visitor.unit),
            held: rung.held,
            released: (rung.released_at)
                .map(Moment::new)
                .zip(rung.released_by.clone()),
        };
        Ok(Some(Self {
            rungs: found.rungs.iter().map(row).collect(),
            next,
        }))
    }
}

pub(super) async fn release(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let txid = named.txid()?;
    release_this_rung(&ui.service, &visitor.actor, txid).await?;
    let words = "Released. It is broadcast as soon as a quorum has signed it.";
    Ok(see_other_saying(&format!("/attempts/{txid}"), words))
}

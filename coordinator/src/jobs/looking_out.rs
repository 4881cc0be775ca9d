//! Looks out for what grows wrong with time, reading only, and writes where there is news.

use super::LEVELS_SECONDS;
use crate::service::lookout::look_out;
use crate::service::{Service, ServiceError};
use crate::store::jobs::{self, Claim};

/// Looks once, and raises and ends alarms.
pub(super) async fn look(service: &Service, claim: &Claim) -> Result<(), ServiceError> {
    let now = service.now();
    let news = {
        let mut tx = service.database().begin_read().await?;
        look_out(service, &mut tx, now).await?
    };
    let mut tx = service.database().begin_write().await?;
    jobs::assert_held(&mut tx, claim).await?;
    for look in news {
        look.settle(&mut tx, now).await?;
    }
    jobs::repeat(&mut tx, claim, now.saturating_add(LEVELS_SECONDS)).await?;
    Ok(tx.commit().await?)
}

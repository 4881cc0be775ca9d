//! Looks at what is out and stuck, one batch a transaction.

use policies::VaultId;

use super::LOOK_SECONDS;
use crate::service::bumping::Look;
use crate::service::rehearsal::Rehearsal;
use crate::service::{Service, ServiceError, lock_vault};
use crate::store::attempts::batches_out;
use crate::store::jobs::{self, Claim};

/// Does of each batch of a vault what is to be done. What fails of one holds up no other.
pub(super) async fn bump(service: &Service, claim: &Claim) -> Result<(), ServiceError> {
    let Ok(vault) = claim.key.parse::<VaultId>() else {
        let mut tx = service.database().begin_write().await?;
        jobs::park(&mut tx, claim, "the key is no vault").await?;
        return Ok(tx.commit().await?);
    };
    let batches = {
        let mut tx = service.database().begin_read().await?;
        batches_out(&mut tx, vault).await?
    };
    let mut failed = None;
    for batch in batches {
        let mut rehearsal = Rehearsal::begin(service);
        {
            let mut tx = service.database().begin_read().await?;
            let look = match Look::at(service, &mut tx, vault, batch).await {
                Ok(Some(look)) if look.has_news() => look,
                Ok(_) => continue,
                Err(error) => {
                    failed = failed.or(Some(error));
                    continue;
                }
            };
            if let Some(feerate) = look.raises_to() {
                // What stands against it is judged under the lock, where it is built again.
                let built = look.replacement(service, &mut tx, feerate, &mut rehearsal);
                drop(Box::pin(built).await);
            }
        }
        rehearsal.is_done();
        let mut tx = service.database().begin_write().await?;
        jobs::assert_held(&mut tx, claim).await?;
        lock_vault(&mut tx, vault).await?;
        let Some(look) = Look::at(service, &mut tx, vault, batch).await? else {
            tx.rollback().await?;
            continue;
        };
        match Box::pin(look.act(service, &mut tx, &mut rehearsal)).await {
            Ok(()) => tx.commit().await?,
            Err(error) => {
                tx.rollback().await?;
                failed = failed.or(Some(error));
            }
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let mut tx = service.database().begin_write().await?;
    jobs::repeat(&mut tx, claim, service.now().saturating_add(LOOK_SECONDS)).await?;
    Ok(tx.commit().await?)
}

//! Withdrawals, and the attempts and batches that pay them.

use super::{Hit, MOST_OF_A_KIND, Place};
use crate::service::ServiceError;
use crate::store::withdrawals::{self as store, WithdrawalRow};
use crate::store::{attempts, batches, payments, searches};

impl Place<'_> {
    pub(super) async fn attempts(&mut self) -> Result<(), ServiceError> {
        if let Some(txid) = self.sought.txid
            && let Some(row) = attempts::lookup(self.tx, txid).await?
            && row.vault == self.vault.id
        {
            self.found(Hit {
                kind: "attempt",
                title: txid.to_string(),
                detail: self.of_vault(&format!("{}, {}", row.purpose.name(), row.state.name())),
                amount: None,
                href: format!("/attempts/{txid}"),
                exact: true,
            });
            for key in payments::of_attempt(self.tx, txid).await? {
                if let Some(row) = store::lookup(self.tx, &key).await? {
                    self.withdrawal(&row, false, "paid by it, ");
                }
            }
        }
        if let Some(id) = self.sought.batch
            && let Some(row) = batches::lookup(self.tx, id).await?
            && row.vault == self.vault.id
        {
            self.found(Hit {
                kind: "batch",
                title: id.to_string(),
                detail: self.of_vault(row.purpose.name()),
                amount: None,
                href: format!("/batches/{id}"),
                exact: true,
            });
        }
        Ok(())
    }

    pub(super) async fn withdrawals(&mut self) -> Result<(), ServiceError> {
        let (vault, sought) = (self.vault.id, self.sought);
        if let Some(hash) = sought.intent
            && let Some(row) = store::by_intent(self.tx, hash).await?
            && row.key.vault == vault
        {
            self.withdrawal(&row, true, "");
        }
        if let Some(script) = &sought.script {
            let rows = searches::withdrawals_to(self.tx, vault, script, MOST_OF_A_KIND).await?;
            for row in rows {
                self.withdrawal(&row, true, "pays it, ");
            }
        }
        if let Some(amount) = sought.amount {
            let rows = searches::withdrawals_of(self.tx, vault, amount, MOST_OF_A_KIND).await?;
            for row in rows {
                self.withdrawal(&row, true, "");
            }
        }
        if !sought.is_id() {
            let text = &sought.text;
            let rows = searches::withdrawals_by_text(self.tx, vault, text, MOST_OF_A_KIND).await?;
            for row in rows {
                let exact = sought.matches(row.key.id.as_str()) == Some(true)
                    || sought.matches(&row.intent.reference) == Some(true);
                self.withdrawal(&row, exact, "");
            }
        }
        Ok(())
    }

    fn withdrawal(&mut self, row: &WithdrawalRow, exact: bool, how: &str) {
        let (requester, id) = (&row.key.requester, &row.key.id);
        let mut detail = format!("{how}{}, asked for by {requester}", row.state.name());
        if !row.intent.reference.is_empty() {
            detail.push_str(", reference ");
            detail.push_str(&row.intent.reference);
        }
        self.found(Hit {
            kind: "withdrawal",
            title: id.to_string(),
            detail: self.of_vault(&detail),
            amount: Some(row.intent.amount),
            href: self.page(&format!("/withdrawals/{requester}/{id}")),
            exact,
        });
    }
}

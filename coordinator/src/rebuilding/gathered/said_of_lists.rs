//! What papers say of open lists.

use std::collections::BTreeMap;

use policies::{Approval, Statement};

use super::{Gathered, SaidOfList, Taken};
use crate::rebuilding::Mistake;

impl Gathered {
    pub(super) fn take_statement(
        &mut self,
        about: Option<Statement>,
        statement: Statement,
        approvals: Vec<Approval>,
    ) -> Result<Taken, Mistake> {
        let Statement::ListAdd(add) = about.unwrap_or_else(|| statement.clone()) else {
            return Err(Mistake::NoSuchList);
        };
        let mut lists = self
            .line
            .versions()
            .filter_map(|version| version.list(&add.list));
        let is_open = lists.any(|list| list.open.is_some());
        let entry = Statement::ListAdd(add.clone()).subject();
        let of_it = match &statement {
            Statement::ListAdd(_) => true,
            Statement::ListRemove { entry: of } | Statement::ListConfirm { entry: of } => {
                *of == entry
            }
            // What stops a vault is in the journals, and handed in again to a coordinator that runs.
            Statement::Stop(_)
            | Statement::Release { .. }
            | Statement::Go(_)
            | Statement::Ack { .. } => false,
        };
        if !is_open || !of_it {
            return Err(Mistake::NoSuchList);
        }
        let mut held = Vec::new();
        for approval in approvals {
            let key = approval.key;
            let (approver, public) = (self.line)
                .approver_of_key(key)
                .ok_or(Mistake::ApprovalKey { key })?;
            approval
                .verify(public, self.policy().vault)
                .map_err(Mistake::Signature)?;
            held.push((approval, approver.name.clone()));
        }
        let subject = statement.subject();
        let mut taken = Taken::Known;
        let said = self.statements.entry(subject).or_insert_with(|| {
            taken = Taken::New;
            SaidOfList {
                statement,
                list: add.list,
                script_pubkey: add.script_pubkey,
                approvals: BTreeMap::new(),
            }
        });
        for (approval, approver) in held {
            let place = (approval.key, approval.expires);
            if said.approvals.insert(place, (approval, approver)).is_none() {
                taken = Taken::New;
            }
        }
        Ok(taken)
    }
}

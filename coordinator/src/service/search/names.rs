//! Vaults, versions of policies, signers, approvers, requesters and lists, by their names.

use super::{Hit, Place};

impl Place<'_> {
    pub(super) fn names(&mut self) {
        let sought = self.sought;
        let named = sought.vault == Some(self.vault.id);
        if let Some(exact) = named
            .then_some(true)
            .or_else(|| sought.matches(&self.vault.name))
        {
            let title = self.vault.name.clone();
            let detail = format!("version {} of its policy", self.policy.version);
            self.name("vault", title, detail, self.page(""), exact);
        }
        if sought.policy == Some(self.policy.id) {
            let (title, version) = (self.policy.id.to_string(), self.policy.version);
            let detail = self.of_vault(&format!("version {version}, in force"));
            self.name("policy", title, detail, self.page("/policy"), true);
        }
        let policy = std::sync::Arc::clone(&self.policy);
        for signer in &policy.signers {
            let found = sought
                .matches(&signer.name)
                .max(sought.matches(&signer.person));
            if let Some(exact) = found {
                let detail = self.of_vault(&format!("{} holds its key", signer.person));
                let href = self.page("/signers");
                self.name("signer", signer.name.clone(), detail, href, exact);
            }
        }
        for approver in &policy.approvers {
            let found = sought
                .matches(&approver.name)
                .max(sought.matches(&approver.person));
            if let Some(exact) = found {
                let groups = approver.groups.join(", ");
                let detail = self.of_vault(&format!("approves as one of {groups}"));
                let href = "/people".to_owned();
                self.name("approver", approver.name.clone(), detail, href, exact);
            }
        }
        for requester in &policy.requesters {
            let name = requester.name.clone();
            if let Some(exact) = sought.matches(&name) {
                let detail = self.of_vault("asks for withdrawals");
                self.name("requester", name, detail, "/people".to_owned(), exact);
            }
        }
        for list in &policy.lists {
            if let Some(exact) = sought.matches(&list.name) {
                let detail = self.of_vault("a list of destinations");
                let href = self.page(&format!("/address-book/{}", list.name));
                self.name("list", list.name.clone(), detail, href, exact);
            }
        }
    }

    fn name(
        &mut self,
        kind: &'static str,
        title: String,
        detail: String,
        href: String,
        exact: bool,
    ) {
        self.found(Hit {
            kind,
            title,
            detail,
            amount: None,
            href,
            exact,
        });
    }
}

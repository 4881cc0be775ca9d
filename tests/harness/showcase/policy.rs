//! The policy of the showcase: tiers of amounts, a human requester, a list of counterparties, budgets.

use policies::document::{
    ApprovalsDraft, ApproverDraft, FeeBudgetDraft, ListDraft, OpenDraft, PinnedKeyDraft,
    PolicyDraft, RequesterDraft, RuleDraft, SelfSpendBudgetDraft, StopDraft, SuccessionDraft,
    TestFirstDraft,
};

/// The keys of those who are not in every scenario.
pub(super) struct Keys {
    pub(super) erin: PinnedKeyDraft,
    pub(super) frank: PinnedKeyDraft,
    pub(super) rita: PinnedKeyDraft,
}

fn of(group: &str, count: u32) -> ApprovalsDraft {
    ApprovalsDraft {
        group: Some(group.to_owned()),
        count,
        page: None,
    }
}

fn approver(name: &str, groups: &[&str], key: PinnedKeyDraft) -> ApproverDraft {
    ApproverDraft {
        name: name.to_owned(),
        person: name.to_owned(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        keys: vec![key],
    }
}

/// Adds all that to the policy of most scenarios.
pub(super) fn extend(draft: &mut PolicyDraft, keys: Keys) {
    draft
        .approvers
        .push(approver("erin", &["ops", "board"], keys.erin));
    draft
        .approvers
        .push(approver("frank", &["board"], keys.frank));
    draft.requesters.push(RequesterDraft {
        name: "treasurer".to_owned(),
        person: Some("rita".to_owned()),
        keys: vec![keys.rita],
    });
    draft.limits.fee_budget = Some(FeeBudgetDraft {
        sat: 2_000_000,
        window: "24h".to_owned(),
    });
    draft.limits.self_spend_budget = Some(SelfSpendBudgetDraft {
        sat: 200_000,
        count: 4,
        window: "24h".to_owned(),
    });
    draft.stop = Some(StopDraft {
        release: of("board", 2),
    });
    draft.change = Some(SuccessionDraft {
        approvals: of("board", 2),
        delay: "48h".to_owned(),
    });
    draft.lists = vec![ListDraft {
        name: "counterparties".to_owned(),
        entries: Vec::new(),
        open: Some(OpenDraft {
            approvals: of("board", 2),
            delay: "24h".to_owned(),
            test_first: Some(TestFirstDraft {
                sat: 1_000_000,
                group: "ops".to_owned(),
            }),
        }),
    }];
    draft.rules.push(RuleDraft {
        name: "to counterparties".to_owned(),
        kind: Some("payment".to_owned()),
        requester: None,
        to: Some(vec!["counterparties".to_owned()]),
        amount_max_sat: Some(50_000_000_000),
        window: None,
        approvals: of("board", 2),
    });
}

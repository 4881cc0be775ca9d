//! Every campaign, small, as part of the test run. `make adversary` runs the full figures.

use harness::adversaries::vault::Kind;
use harness::adversaries::{CAMPAIGNS, Settings, World};
use harness::{Failure, Outcome};

/// Runs a campaign, or one part of several of it, over some kinds of vaults.
fn campaign(id: &str, kinds: &[Kind], part: (usize, usize)) -> Outcome {
    let campaign = CAMPAIGNS
        .iter()
        .find(|campaign| campaign.id == id)
        .ok_or_else(|| Failure::new(format!("there is no campaign {id}")))?;
    let settings = Settings {
        seed: 1,
        cases: None,
        full: false,
        part,
    };
    let found = campaign.run(&World::of(kinds)?, &settings)?;
    if found.is_good() {
        Ok(())
    } else {
        Err(Failure::new(found.report()))
    }
}

const WHOLE: (usize, usize) = (0, 1);

#[test]
fn no_mutated_psbt_gets_a_wrong_signature_of_wsh() -> Outcome {
    campaign("G1", &[Kind::Wsh], WHOLE)
}

#[test]
fn no_mutated_psbt_gets_a_wrong_signature_of_wsh_with_recovery() -> Outcome {
    campaign("G1", &[Kind::WshRecovery], WHOLE)
}

#[test]
fn no_mutated_psbt_gets_a_wrong_signature_of_tr_by_key_and_leaf() -> Outcome {
    campaign("G1", &[Kind::TrKeyLeaf], WHOLE)
}

#[test]
fn no_mutated_psbt_gets_a_wrong_signature_of_tr_by_multi_a() -> Outcome {
    campaign("G1", &[Kind::TrMultiA], WHOLE)
}

#[test]
fn no_flipped_bit_and_no_truncation_gets_a_wrong_signature() -> Outcome {
    campaign("G1b", &Kind::ALL, WHOLE)
}

#[test]
fn no_bad_signature_keeps_an_honest_quorum_from_finalizing() -> Outcome {
    campaign("G2", &Kind::ALL, WHOLE)
}

#[test]
fn no_attack_with_a_plan_gets_a_signature() -> Outcome {
    campaign("G2a", &[Kind::WshRecovery, Kind::TrMultiA], WHOLE)
}

#[test]
fn no_lies_of_a_coordinator_that_remembers_every_signature_pay_twice_or_unapproved() -> Outcome {
    campaign("G2b", &[], WHOLE)
}

#[test]
fn books_follow_a_storming_chain_user_by_user_on_sqlite() -> Outcome {
    campaign("G4", &[], (0, 2))
}

#[test]
fn books_follow_a_storming_chain_user_by_user_on_postgres() -> Outcome {
    campaign("G4", &[], (1, 2))
}

#[test]
fn no_fault_between_watchtower_and_node_pays_twice_or_loses_a_withdrawal() -> Outcome {
    campaign("G9", &[], WHOLE)
}

#[test]
fn no_chain_of_what_signers_sign_pays_a_line_twice_and_no_funds_get_stuck() -> Outcome {
    campaign("G14", &[], WHOLE)
}

/// Need `--features countersign-tests/planted`, as the gate's one instrumented build has it.
#[cfg(feature = "planted")]
mod planted {
    use super::{Kind, Outcome, campaign};

    #[test]
    fn no_kill_pays_twice_loses_a_withdrawal_or_leaks_a_reservation_on_sqlite() -> Outcome {
        campaign("G3", &[], (0, 2))
    }

    #[test]
    fn no_kill_pays_twice_loses_a_withdrawal_or_leaks_a_reservation_on_postgres() -> Outcome {
        campaign("G3", &[], (1, 2))
    }

    #[test]
    fn every_first_of_four_planted_bugs_is_caught() -> Outcome {
        campaign("G15", &Kind::ALL, (0, 4))
    }

    #[test]
    fn every_second_of_four_planted_bugs_is_caught() -> Outcome {
        campaign("G15", &Kind::ALL, (1, 4))
    }

    #[test]
    fn every_third_of_four_planted_bugs_is_caught() -> Outcome {
        campaign("G15", &Kind::ALL, (2, 4))
    }

    #[test]
    fn every_fourth_of_four_planted_bugs_is_caught() -> Outcome {
        campaign("G15", &Kind::ALL, (3, 4))
    }
}

//! Held above the cap: asked once, answered for one batch, never above the policy.

use super::*;

fn question(number: u64, asked: u64, allowed: Option<u64>) -> Question {
    Question {
        number,
        asked: kwu(asked),
        allowed: allowed.map(kwu),
    }
}

fn three() -> Vec<Queued> {
    vec![
        queued(1, Speed::Urgent, START),
        queued(2, Speed::Normal, START),
        queued(3, Speed::Economy, START),
    ]
}

fn under(cap: u64, allowed: Option<u64>, most: u64) -> Decision {
    let estimates = estimates();
    let world = Circumstances {
        now: START.saturating_add(3_600),
        last_batch: None,
        estimates: &estimates,
        is_stale: false,
        cap: kwu(cap),
        allowed: allowed.map(kwu),
        most: kwu(most),
    };
    decide(three(), &RULES, &world)
}

#[test]
fn a_held_queue_says_what_would_go_at_which_feerate() {
    let decision = under(600, None, 5_000);
    assert_eq!(going(&decision), ["w-3"]);
    let said: Vec<(FeeRate, Vec<String>, usize, bool)> = decision
        .offers
        .iter()
        .map(|offer| {
            let more = offer.more.iter().map(|(_, id)| id.to_string()).collect();
            (offer.feerate, more, offer.count, offer.is_possible)
        })
        .collect();
    assert_eq!(
        said,
        [
            (kwu(500), vec!["w-3".to_owned()], 1, true),
            (kwu(2_500), vec!["w-2".to_owned()], 2, true),
            (kwu(10_000), vec!["w-1".to_owned()], 3, false),
        ]
    );
    assert_eq!(
        (decision.least, decision.held),
        (Some(kwu(2_500)), Some(kwu(10_000)))
    );
    assert_eq!(under(10_000, None, MOST).offers, []);
}

#[test]
fn an_answer_lets_go_what_it_covers_and_never_above_the_policy() {
    let some = under(600, Some(2_500), MOST);
    assert_eq!(
        (some.feerate, going(&some)),
        (Some(kwu(2_500)), vec!["w-2".into(), "w-3".into()])
    );
    let all = under(600, Some(12_000), MOST);
    assert_eq!(all.feerate, Some(kwu(10_000)));
    // It is held still, until the batch is made: the question stays open so long.
    assert_eq!(all.held, Some(kwu(10_000)));
    assert_eq!(under(600, Some(12_000), 9_999).feerate, Some(kwu(2_500)));
}

#[test]
fn an_answer_is_taken_once_its_question_is_open_and_it_lets_something_go() {
    let open = question(3, 10_000, None);
    let terms = (Some(kwu(2_500)), kwu(20_000));
    let taken = answered(Some(&open), 3, kwu(2_500), terms);
    assert_eq!(taken, Ok(question(3, 10_000, Some(2_500))));
    // Another answer takes its place.
    let taken = answered(taken.ok().as_ref(), 3, kwu(20_000), terms);
    assert_eq!(taken, Ok(question(3, 10_000, Some(20_000))));
    assert_eq!(
        answered(Some(&open), 3, kwu(20_001), terms),
        Err(AnswerError::AbovePolicy {
            feerate: kwu(20_001),
            most: kwu(20_000),
        })
    );
    assert_eq!(
        answered(Some(&open), 3, kwu(2_499), terms),
        Err(AnswerError::TooLittle {
            feerate: kwu(2_499),
            least: kwu(2_500),
        })
    );
    assert_eq!(
        answered(Some(&open), 2, kwu(2_500), terms),
        Err(AnswerError::OtherQuestion {
            answered: 2,
            open: 3,
        })
    );
    let nothing = Err(AnswerError::NothingHeld);
    assert_eq!(answered(None, 3, kwu(2_500), terms), nothing);
    let fell = (None, kwu(20_000));
    assert_eq!(answered(Some(&open), 3, kwu(2_500), fell), nothing);
}

/// Cap 100; feerates, answers and batches come in any order.
#[derive(Debug, Clone, Copy)]
enum Happens {
    Asks(u64),
    Answered(u64),
    BatchGoes,
}

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    let one = prop_oneof![
        4 => (50..200_u64).prop_map(Happens::Asks),
        1 => (50..250_u64).prop_map(Happens::Answered),
        1 => Just(Happens::BatchGoes),
    ];
    prop::collection::vec(one, 0..60)
}

proptest! {
    /// As long as an episode lasts there is one question: another is asked only after fees fell, after a batch
    /// went by the answer, or where fees rose above an answer and all that was asked.
    #[test]
    fn each_episode_asks_once(happenings in happenings()) {
        let most = kwu(180);
        let mut open: Option<Question> = None;
        let mut asked = 0;
        let mut held = None;
        for happens in happenings {
            match happens {
                Happens::Asks(feerate) => {
                    held = (feerate > 100).then(|| kwu(feerate));
                    match turn(open.as_ref(), held) {
                        Turn::Nothing => prop_assert_eq!(open.is_some(), held.is_some()),
                        Turn::Ask(feerate) => {
                            prop_assert_eq!(Some(feerate), held);
                            if let Some(question) = open {
                                let answer = question.allowed.expect("was answered");
                                prop_assert!(feerate > answer && feerate > question.asked);
                            }
                            asked += 1;
                            open = Some(Question { number: asked, asked: feerate, allowed: None });
                        }
                        Turn::Over => {
                            prop_assert!(open.is_some() && held.is_none());
                            open = None;
                        }
                    }
                    // The same look again tells nothing.
                    prop_assert_eq!(turn(open.as_ref(), held), Turn::Nothing);
                }
                Happens::Answered(feerate) => {
                    let number = open.map_or(0, |question| question.number);
                    let given = answered(open.as_ref(), number, kwu(feerate), (held, most));
                    if let Ok(question) = given {
                        prop_assert!(question.allowed <= Some(most));
                        prop_assert_eq!(question.number, number);
                        open = Some(question);
                    }
                    prop_assert_eq!(open.is_some(), held.is_some());
                }
                Happens::BatchGoes => {
                    if open.is_some_and(|question| question.allowed.is_some()) {
                        open = None;
                        held = None;
                    }
                }
            }
        }
    }

    /// Whatever is allowed and configured, nothing goes above the policy's cap.
    #[test]
    fn no_answer_lifts_anything_above_the_policy(
        cap in 1..20_000_u64,
        allowed in prop::option::of(1..60_000_u64),
        most in 1..20_000_u64,
    ) {
        let decision = under(cap, allowed, most);
        prop_assert!(decision.feerate.is_none_or(|feerate| feerate <= kwu(most)));
        let asked = allowed.unwrap_or(cap).max(cap);
        prop_assert!(decision.feerate.is_none_or(|feerate| feerate <= kwu(asked)));
    }
}

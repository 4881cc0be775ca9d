//! How asks are answered, and who keeps a place.

use super::*;

fn judge() -> Judge {
    Box::new(|body| match body {
        b"good" => Ok(Answered {
            words: "Signed.".to_owned(),
            good: true,
        }),
        _ => Err("It is wrong.".to_owned()),
    })
}

fn opened(asks: &Asks, now: Instant) -> String {
    opened_by(asks, "https://treasury.example", now)
}

fn opened_by(asks: &Asks, from: &str, now: Instant) -> String {
    let sheet = Sheet {
        what: "approve",
        from: from.parse().expect("an origin"),
        html: "the page".to_owned(),
        back: None,
        progress: Progress::default(),
    };
    asks.open(sheet, judge(), now).expect("opens")
}

/// One that the browser that paired looks at.
fn seen_by(asks: &Asks, from: &str, now: Instant) -> String {
    let secret = opened_by(asks, from, now);
    asks.keep(&secret, &asks.find(&secret, now).expect("is open"));
    secret
}

/// Which of these are there still.
fn kept<'a>(asks: &Asks, secrets: &'a [String], now: Instant) -> Vec<&'a String> {
    let there = secrets
        .iter()
        .filter(|secret| asks.find(secret, now).is_some());
    there.collect()
}

#[test]
fn the_first_good_answer_holds_and_a_wrong_one_may_be_given_again() {
    let (asks, now) = (Asks::default(), Instant::now());
    let secret = opened(&asks, now);
    assert_eq!(secret.len(), 64);
    let ask = asks.find(&secret, now).expect("is open");
    assert_eq!(ask.show(now), "the page");
    let later = now + LOOK;
    assert!(matches!(ask.answer(b"bad", later), Pressed::Again(_)));
    assert_eq!(ask.over(), None);
    assert!(matches!(ask.answer(b"good", later), Pressed::Now(_)));
    assert!(matches!(ask.answer(b"good", later), Pressed::Before(_)));
    assert!(matches!(ask.decline(), Pressed::Before(answered) if answered.words == "Signed."));
}

#[test]
fn an_answer_counts_only_once_the_page_was_there_for_a_while_and_declining_needs_no_wait() {
    let (asks, begun) = (Asks::default(), Instant::now());
    let ask = |asks: &Asks| {
        let secret = opened(asks, begun);
        asks.find(&secret, begun).expect("is open")
    };
    let too_soon = |pressed| matches!(pressed, Pressed::Again(words) if words.contains("too soon"));
    let first = ask(&asks);
    let late = begun + Duration::from_mins(1);
    assert!(too_soon(first.answer(b"good", late)), "nobody saw it");
    first.show(late);
    let almost = late + Duration::from_millis(699);
    assert!(too_soon(first.answer(b"good", almost)));
    // Whoever loads it again begins anew.
    first.show(almost);
    assert!(too_soon(first.answer(b"good", late + LOOK)));
    let good = first.answer(b"good", almost + LOOK);
    assert!(matches!(good, Pressed::Now(_)));
    let second = ask(&asks);
    second.show(begun);
    assert!(matches!(second.decline(), Pressed::Now(_)));
}

#[test]
fn asks_end_with_patience() {
    let (asks, now) = (Asks::default(), Instant::now());
    let secret = opened(&asks, now);
    let almost = now + PATIENCE.saturating_sub(Duration::from_millis(1));
    assert!(asks.find(&secret, almost).is_some());
    assert!(asks.find(&secret, now + PATIENCE).is_none());
}

/// What anybody who forges a paired page may open, and what the browser that paired looks at.
#[test]
fn what_the_paired_browser_looks_at_keeps_its_place_whatever_others_open() {
    const FROM: &str = "https://treasury.example";
    let (asks, now) = (Asks::default(), Instant::now());
    let seen: Vec<String> = (0..MAX_SEEN).map(|_| seen_by(&asks, FROM, now)).collect();
    let elsewhere = opened_by(&asks, "https://elsewhere.example", now);
    let forged: Vec<String> = (0..3 * MAX_UNSEEN).map(|_| opened(&asks, now)).collect();
    assert_eq!(kept(&asks, &seen, now).len(), MAX_SEEN);
    assert!(
        asks.find(&elsewhere, now).is_some(),
        "each origin for its own"
    );
    let newest: Vec<&String> = forged.iter().skip(2 * MAX_UNSEEN).collect();
    assert_eq!(kept(&asks, &forged, now), newest, "the oldest makes room");
    // It may look at one that had to make room a moment ago.
    let late = opened(&asks, now);
    let ask = asks.find(&late, now).expect("is open");
    for _ in 0..MAX_UNSEEN {
        opened(&asks, now);
    }
    assert!(asks.find(&late, now).is_none());
    asks.keep(&late, &ask);
    assert!(asks.find(&late, now).is_some());
}

#[test]
fn of_what_the_paired_browser_looks_at_the_answered_makes_room_first_and_then_the_oldest() {
    const FROM: &str = "https://treasury.example";
    let (asks, now) = (Asks::default(), Instant::now());
    let other = seen_by(&asks, "https://elsewhere.example", now);
    let mut all: Vec<String> = (0..MAX_SEEN).map(|_| seen_by(&asks, FROM, now)).collect();
    asks.find(&all[5], now).expect("is open").decline();
    all.push(seen_by(&asks, FROM, now));
    assert!(asks.find(&all[5], now).is_none(), "it was answered");
    assert_eq!(kept(&asks, &all, now).len(), MAX_SEEN);
    all.push(seen_by(&asks, FROM, now));
    assert!(asks.find(&all[0], now).is_none(), "it is the oldest");
    assert_eq!(kept(&asks, &all, now).len(), MAX_SEEN);
    assert!(asks.find(&other, now).is_some());
    // Looking at it again costs nobody a place.
    let last = all.last().expect("one");
    asks.keep(last, &asks.find(last, now).expect("is open"));
    assert_eq!(kept(&asks, &all, now).len(), MAX_SEEN);
}

#[test]
fn an_ask_whose_device_works_keeps_its_place_until_it_ends() {
    let (asks, now) = (Asks::default(), Instant::now());
    let secret = seen_by(&asks, "https://treasury.example", now);
    let ask = asks.find(&secret, now).expect("is open");
    let working = ask.sheet.progress.begin("Looking", || ());
    for _ in 0..MAX_SEEN {
        seen_by(&asks, "https://treasury.example", now);
    }
    let late = now + PATIENCE;
    assert!(asks.find(&secret, now).is_some(), "others made room");
    assert!(
        asks.find(&secret, late).is_some(),
        "it is answered just now"
    );
    drop(working);
    assert!(asks.find(&secret, late).is_none());
}

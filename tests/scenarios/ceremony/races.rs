//! Two at once in a ceremony on PostgreSQL: one of them wins, and the other is told by name.

use std::sync::Barrier;
use std::thread;

use harness::{Answer, Api, Engine, Failure, Outcome, SignerHome, field, items};
use policies::document::{id_of, words_of};
use serde_json::{Value, json};

use super::places::{Hall, SEATS, policy_around};
use super::records;

/// A ceremony whose seats are programs.
struct Table {
    operator: Api,
    id: String,
    sitting: Vec<Api>,
}

/// One of several calls.
type Call<'c> = Box<dyn FnOnce() -> Result<Answer, Failure> + Send + 'c>;

fn call<'c>(ask: impl FnOnce() -> Result<Answer, Failure> + Send + 'c) -> Call<'c> {
    Box::new(ask)
}

/// Does all of this at the same moment; the answers in order.
fn at_once(calls: Vec<Call<'_>>) -> Result<Vec<Answer>, Failure> {
    let begin = Barrier::new(calls.len());
    thread::scope(|scope| {
        let callers: Vec<_> = calls
            .into_iter()
            .map(|call| {
                let begin = &begin;
                scope.spawn(move || {
                    begin.wait();
                    call()
                })
            })
            .collect();
        callers
            .into_iter()
            .map(|caller| {
                caller
                    .join()
                    .map_err(|_| Failure::new("a caller panicked"))?
            })
            .collect()
    })
}

/// Of all answers one is good; each other one is refused like this. The good one.
#[track_caller]
fn one_of(answers: Vec<Answer>, status: u16, code: &str) -> Result<Value, Failure> {
    let mut good = Vec::new();
    for answer in answers {
        if (200..300).contains(&answer.status) {
            good.push(answer.done()?);
        } else {
            answer.refused(status, code)?;
        }
    }
    match (good.pop(), good.len()) {
        (Some(good), 0) => Ok(good),
        (_, others) => Err(Failure::new(format!("not one, but {others} more or none"))),
    }
}

/// A fresh key, as `keygen` prints it.
fn record() -> Result<String, Failure> {
    let made = SignerHome::new("somebody")?.make_cheap_signer()?;
    Ok(format!(
        "[[signers]]\nname = \"somebody\"\nperson = \"somebody\"\ndevice = {{ kind = \"software\" }}\n\
         key = \"{}\"\njournal = \"{}\"\n",
        made.key, made.journal
    ))
}

impl Table {
    fn begin(hall: &Hall) -> Result<Self, Failure> {
        let at = &hall.coordinator;
        let operator = Api::new(at.url(), Some(at.token()));
        let seats = SEATS.map(|name| json!({ "name": name }));
        let asked = json!({ "name": "cold", "seats": seats });
        let id = field(&operator.post("/ceremonies", &asked)?.done()?, "id")?;
        Ok(Self {
            operator,
            id,
            sitting: Vec::new(),
        })
    }

    fn at(&self, tail: &str) -> String {
        format!("/ceremonies/{}{tail}", self.id)
    }

    fn link(&self, seat: &str) -> Result<Value, Failure> {
        let path = self.at(&format!("/seats/{seat}/link"));
        let link = self.operator.post(&path, &json!({}))?.done()?;
        Ok(json!({ "secret": link["secret"] }))
    }

    fn sit(&self, seat: &str) -> Result<Api, Failure> {
        let begun = self.operator.post("/sitting", &self.link(seat)?)?.done()?;
        Ok(self.operator.with_token(Some(&field(&begun, "secret")?)))
    }

    /// All sit, and have handed in fresh keys; the document around them.
    fn fill(&mut self, hall: &Hall) -> Result<String, Failure> {
        for seat in SEATS {
            let api = self.sit(seat)?;
            let body = json!({ "record": record()? });
            api.put("/sitting/record", &body)?.done()?;
            self.sitting.push(api);
        }
        let dana = SignerHome::new("dana")?.make_cheap_approver()?;
        policy_around(hall, &records(hall, &self.id)?, dana)
    }

    fn set(&self, document: &str) -> Result<Answer, Failure> {
        let body = json!({ "document": document });
        self.operator.put(&self.at("/draft"), &body)
    }

    fn compare(&self, seat: usize, document: &str) -> Result<Answer, Failure> {
        let policy = id_of(document.as_bytes());
        let [first, .., last] = words_of(policy);
        let with = SEATS[(seat + 1) % SEATS.len()];
        let body = json!({
            "policy": policy, "with": with, "first_word": first, "last_word": last, "same_address": true,
        });
        self.sitting[seat].post("/sitting/comparison", &body)
    }

    fn ready(&self, seat: usize, document: &str) -> Result<Answer, Failure> {
        let body = json!({ "policy": id_of(document.as_bytes()) });
        self.sitting[seat].post("/sitting/readiness", &body)
    }

    fn confirm(&self, document: &str) -> Outcome {
        for seat in 0..SEATS.len() {
            self.compare(seat, document)?.done()?;
            self.ready(seat, document)?.done()?;
        }
        Ok(())
    }

    fn activate(&self) -> Result<Answer, Failure> {
        self.operator.post(&self.at("/activation"), &json!({}))
    }

    /// What the board says of one field of each seat.
    fn states(&self) -> Result<Vec<String>, Failure> {
        let board = self.operator.get(&self.at(""))?.done()?;
        super::of_seats(&board, "state")
    }
}

fn other(document: &str) -> String {
    document.replace("fee_max_sat = 500000", "fee_max_sat = 499999")
}

/// 1. Eight open one link at the same moment: one of them sits.
/// 2. Two hand in one key for two seats, round after round: one seat has it.
#[test]
fn one_link_seats_one_and_one_key_takes_one_seat_on_postgres() -> Outcome {
    let hall = Hall::open(Engine::Postgres)?;
    let table = Table::begin(&hall)?;
    let (link, nobody) = (table.link("alice")?, table.operator.with_token(None));
    let opens = |_| call(|| nobody.post("/sitting", &link));
    let sat = one_of(
        at_once((0..8).map(opens).collect())?,
        404,
        "invitation_void",
    )?;
    let secret = field(&sat, "secret")?;
    let alice = table.operator.with_token(Some(&secret));
    assert_eq!(alice.get("/sitting")?.done()?["seat"]["state"], "sitting");

    for _ in 0..4 {
        let body = json!({ "record": record()? });
        let two = [table.sit("alice")?, table.sit("bob")?];
        let body = &body;
        let hands_in = two
            .iter()
            .map(|api| call(move || api.put("/sitting/record", body)));
        let answers = at_once(hands_in.collect())?;
        let taken = one_of(answers, 422, "key_taken")?;
        let winner = field(&taken["seat"], "name")?;
        let filled = table
            .states()?
            .iter()
            .filter(|one| *one == "filled")
            .count();
        assert_eq!(filled, 1);
        let path = table.at(&format!("/seats/{winner}"));
        table.operator.delete(&path)?.done()?;
    }
    let kept = "SELECT COUNT(*) FROM vault_seat WHERE record IS NOT NULL";
    assert_eq!(hall.store.number(kept)?, 0);
    Ok(())
}

/// 1. Somebody confirms while another document is set, round after round: whoever was first, nothing of it counts.
/// 2. All have confirmed, and another document is set while it is made active: either the vault is added, or nothing.
/// 3. Eight make another one active at the same moment: one vault, told once.
/// 4. Four begin to replace a signer of it: one ceremony is open.
#[test]
fn nothing_unconfirmed_becomes_active_whoever_comes_first_on_postgres() -> Outcome {
    let hall = Hall::open(Engine::Postgres)?;
    let mut table = Table::begin(&hall)?;
    let document = table.fill(&hall)?;
    let two = [document.clone(), other(&document)];
    table.set(&two[0])?.done()?;
    for round in 0..6 {
        let (now, next) = (&two[round % 2], &two[(round + 1) % 2]);
        let answers = at_once(vec![
            call(|| table.compare(0, now)),
            call(|| table.set(next)),
        ])?;
        let [confirmed, set] =
            <[Answer; 2]>::try_from(answers).map_err(|_| Failure::new("two answers"))?;
        set.done()?;
        if confirmed.status != 200 {
            confirmed.refused(409, "draft_changed")?;
        }
        assert_eq!(table.states()?, ["filled"; 5]);
    }

    let mut added = 0;
    for _ in 0..4 {
        let mut table = Table::begin(&hall)?;
        let document = table.fill(&hall)?;
        let next = other(&document);
        table.set(&document)?.done()?;
        table.confirm(&document)?;
        let answers = at_once(vec![call(|| table.activate()), call(|| table.set(&next))])?;
        let [active, set] =
            <[Answer; 2]>::try_from(answers).map_err(|_| Failure::new("two answers"))?;
        if active.status == 200 {
            added += 1;
            let vault = field(&active.done()?, "vault")?;
            assert_eq!(vault, id_of(document.as_bytes()).to_string());
            set.refused(409, "ceremony_ended")?;
        } else {
            active.refused(409, "not_confirmed")?;
            set.done()?;
        }
        assert_eq!(super::vaults(&hall)?, added);
    }

    let mut table = Table::begin(&hall)?;
    let document = table.fill(&hall)?;
    table.set(&document)?.done()?;
    table.confirm(&document)?;
    let activates = |_| call(|| table.activate());
    let vault = id_of(document.as_bytes()).to_string();
    for answer in at_once((0..8).map(activates).collect())? {
        assert_eq!(field(&answer.done()?, "vault")?, vault);
    }
    assert_eq!(super::vaults(&hall)?, added + 1);
    let events = table.operator.get("/events?after=0&limit=1000")?.done()?;
    let told = |kind: &str, object: &str| {
        let of = |event: &&Value| event["kind"] == kind && event["object_id"] == object;
        Ok::<_, Failure>(items(&events["events"])?.iter().filter(of).count())
    };
    assert_eq!(told("vault.created", &vault)?, 1);
    assert_eq!(told("ceremony.ended", &table.id)?, 1);

    let asked = json!({ "name": "successor", "vault": vault, "seats": [{ "name": "alice" }] });
    let begins = |_| call(|| table.operator.post("/ceremonies", &asked));
    one_of(at_once((0..4).map(begins).collect())?, 409, "ceremony_open")?;
    Ok(())
}

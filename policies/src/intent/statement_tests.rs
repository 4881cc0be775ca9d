//! What statements promise.

use bitcoin::ScriptBuf;

use super::*;

fn add() -> ListAdd {
    ListAdd {
        list: "counterparties".to_owned(),
        script_pubkey: ScriptBuf::from_bytes([&[0, 20][..], &[7; 20]].concat()),
        label: "Acme \"Ltd\"".to_owned(),
        not_before: UnixTime::from_secs(1_000),
        expires: UnixTime::from_secs(2_000),
    }
}

#[test]
fn a_statement_reads_back_from_its_bytes_and_names_its_subject() {
    let add = Statement::ListAdd(add());
    let entry = add.subject();
    for (statement, purpose) in [
        (add, Purpose::ListAdd),
        (Statement::ListRemove { entry }, Purpose::ListRemove),
        (Statement::ListConfirm { entry }, Purpose::ListConfirm),
    ] {
        let bytes = statement.encode();
        assert_eq!(Statement::decode(&bytes), Ok(statement.clone()));
        assert_eq!(statement.subject().to_bytes(), statement_subject(&bytes));
        assert_eq!(statement.purpose(), purpose);
        assert_eq!(statement.entry(), Some(entry));
    }
}

fn stop() -> Stop {
    Stop {
        created: UnixTime::from_secs(1_000),
        nonce: StatementNonce::from_bytes([0xab; 16]),
        reason: "a laptop was stolen".to_owned(),
    }
}

#[test]
fn a_statement_about_no_list_reads_back_from_its_bytes_and_names_no_entry() {
    let go = Go {
        created: UnixTime::from_secs(1_000),
        nonce: StatementNonce::from_bytes([0xcd; 16]),
    };
    let policy = PolicyId::from_bytes([9; 32]);
    let halt = Statement::Stop(stop());
    let subject = halt.subject();
    for (statement, purpose) in [
        (halt, Purpose::Stop),
        (Statement::Release { stop: subject }, Purpose::Release),
        (Statement::Go(go), Purpose::Go),
        (Statement::Ack { policy }, Purpose::Ack),
    ] {
        let bytes = statement.encode();
        assert_eq!(Statement::decode(&bytes), Ok(statement.clone()));
        assert_eq!(statement.subject().to_bytes(), statement_subject(&bytes));
        assert_eq!(statement.purpose(), purpose);
        assert_eq!(statement.entry(), None);
    }
}

#[test]
fn a_stop_of_another_form_is_refused() {
    let good = String::from_utf8(Statement::Stop(stop()).encode()).expect("ASCII");
    assert_eq!(
        good,
        r#"{"created":1000,"format":"countersign/stop/1","nonce":"abababababababababababababababab","reason":"a laptop was stolen"}"#
    );
    let refused = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} is not in {good}");
        Statement::decode(good.replacen(from, to, 1).as_bytes()).expect_err("another form")
    };
    assert_eq!(refused("stop/1", "stop/2"), StatementError::Format);
    assert_eq!(refused("\"ab", "\""), {
        let (expected, found) = (32, 30);
        let source = HexError::WrongLength { expected, found };
        let key = "nonce";
        StatementError::Hex { key, source }
    });
    assert!(matches!(
        refused("\"ab", "\"AB"),
        StatementError::Hex { key: "nonce", .. }
    ));
    assert_eq!(
        refused("a laptop was stolen", &"x".repeat(201)),
        StatementError::ReasonTooLong { found: 201 }
    );
    assert!(matches!(
        refused("\"reason\"", "\"reaso\""),
        StatementError::Canonical(_) | StatementError::Field(_)
    ));
    assert!(matches!(
        refused("stop/1", "go/1"),
        StatementError::Field(_)
    ));
}

#[test]
fn a_statement_of_another_form_is_refused() {
    let good = String::from_utf8(Statement::ListAdd(add()).encode()).expect("ASCII");
    let refused = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} is not in {good}");
        Statement::decode(good.replacen(from, to, 1).as_bytes()).expect_err("another form")
    };
    assert_eq!(refused("list-add/1", "list-add/2"), StatementError::Format);
    assert_eq!(refused("00140707", "0014070"), {
        let found = 43;
        let source = HexError::OddLength { found };
        let key = "script_pubkey";
        StatementError::Hex { key, source }
    });
    assert_eq!(
        refused("counterparties", "Friends"),
        StatementError::ListName
    );
    assert_eq!(refused("counterparties", ""), StatementError::ListName);
    assert!(matches!(
        refused("2000", "1000"),
        StatementError::ExpiresBeforeBeginning { .. }
    ));
    let long = "x".repeat(65);
    assert_eq!(
        refused("Acme \\\"Ltd\\\"", &long),
        StatementError::LabelTooLong { found: 65 }
    );
    assert!(matches!(refused("{", "{ "), StatementError::Canonical(_)));
    assert!(matches!(
        refused("\"label\"", "\"labe\""),
        StatementError::Canonical(_) | StatementError::Field(_)
    ));
    let empty = Statement::ListAdd(ListAdd {
        script_pubkey: ScriptBuf::new(),
        ..add()
    });
    assert_eq!(
        Statement::decode(&empty.encode()),
        Err(StatementError::EmptyScript)
    );
    let extra = r#"{"entry":"00","extra":1,"format":"countersign/list-remove/1"}"#;
    assert!(Statement::decode(extra.as_bytes()).is_err());
}
